/** gitune's side of `train`, `memory`, `start`, `scaling` and `1b`: one optimizer step a command. */
import { engineThread, readTheta, stepBatches, trainSpec } from "./gitune-api.mjs";
import { memory, serve, sinceStart } from "./serve.mjs";

const settings = JSON.parse(process.argv[2]);
const thread = engineThread(settings);
const program = await thread.call("openTrain", [await trainSpec(settings)]);
const zeros = () => new Float32Array(program.size);
let state = { theta: await thread.call("initialize", [0]), m: zeros(), v: zeros(), step: 0 };

await serve({
  load: async ({ folder }) => {
    state = { theta: await readTheta(folder, program), m: zeros(), v: zeros(), step: 0 };
    return {};
  },
  step: async ({ rows }) => {
    const started = performance.now();
    const batches = stepBatches(rows, settings);
    const after = await thread.call("step", [state, batches, settings.learningRate]);
    state = { ...after.state, step: state.step + 1 };
    return {
      seconds: (performance.now() - started) / 1000,
      loss: after.loss,
      gradNorm: after.gradNorm,
      memory: memory(),
      sinceStart: sinceStart(),
    };
  },
});
await thread.close();
