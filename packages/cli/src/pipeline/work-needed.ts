/** How planning ends for a project whose results are not all in the store. */

/** Thrown where something would have to be computed and may not be; never seen outside the pipeline. */
export class WorkNeeded extends Error {
  constructor(what: string) {
    super(`${what} is not in the store`);
    this.name = "WorkNeeded";
  }
}
