/** Equals package.json's (a test compares); a constant, so that bundles and built packages need no file. */
export const VERSION = "0.1.0";
