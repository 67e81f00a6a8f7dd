/** What a checkpoint must agree with before a run goes on from it. */
import { cacheKey, type TrainConfig } from "@gitune/core";
import type { TrainableTensor } from "./program.js";

/**
 * sha256 (hex) of all of the recipe that changes the trained bytes, of the trainable tensors and of the number of steps
 * (the schedule depends on it). How often checkpoints are written, what is logged and when a run is refused change no byte of
 * what comes out, so they are left out: who was stopped at a spike may go on without the check. So is the device that
 * was asked for: what it means is in `extra`.
 * @param extra e.g. the base's sha256, and the device's class
 */
export function configFingerprint(
  recipe: TrainConfig,
  tensors: readonly TrainableTensor[],
  totalSteps: number,
  extra: string,
): string {
  const {
    device: _device,
    checkpointSteps: _checkpoints,
    lossSpikeFactor: _spikes,
    reportTo: _reporters,
    ...rest
  } = recipe;
  return cacheKey({ recipe: rest, tensors: tensors.map(({ name, shape }) => [name, shape]), totalSteps, extra });
}
