/** Public names of this package, one by one. */
export {};
