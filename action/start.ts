/** The runner's first file, and a small one: what it starts again has loaded nothing in vain. */
import { beginAgain } from "../src/node-flags.ts";

beginAgain(process);
await import("./main.ts");
