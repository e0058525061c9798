/** Begins again, and prints as what. */
import { beginAgain } from "../../src/node-flags.ts";

beginAgain(process);
const { execArgv, argv, pid } = process;
console.log(JSON.stringify({ flags: execArgv, said: argv.slice(2), pid }));
