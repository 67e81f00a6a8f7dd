/** gitune's side of `train`, `memory`, `start`, `scaling` and `1b`: one optimizer step a command. */
import { engineThread, readTheta, stepBatches, trainSpec } from "./gitune-api.mjs";
import { memory, serve, sinceStart } from "./serve.mjs";

const settings = JSON.parse(process.argv[2]);

await serve(async () => {
  const thread = await engineThread(settings);
  const program = await thread.call("openTrain", [await trainSpec(settings)]);
  const stateOf = (theta) => ({ theta, m: new Float32Array(theta.length), v: new Float32Array(theta.length), step: 0 });
  let state = stateOf(await thread.call("initialize", [0]));
  return {
    load: async ({ folder }) => {
      state = stateOf(await readTheta(folder, program));
      return {};
    },
    step: async ({ rows }) => {
      const started = performance.now();
      const after = await thread.call("step", [state, stepBatches(rows, settings), settings.learningRate]);
      state = { ...after.state, step: state.step + 1 };
      return {
        seconds: (performance.now() - started) / 1000,
        loss: after.loss,
        gradNorm: after.gradNorm,
        memory: memory(),
        sinceStart: sinceStart(),
      };
    },
  };
});
