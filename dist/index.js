// src/node-flags.ts
const MEASURING_FLAGS = ["--v8-pool-size=0", "--max-semi-space-size=4"];
const WITHOUT_EXEC = ["win32", "os400"];
function beginAgain(self) {
	const said = [...self.execArgv, self.env.NODE_OPTIONS ?? ""].join(" ");
	const missing = MEASURING_FLAGS.filter((flag) => !said.includes(flag.split("=")[0]));
	if (missing.length === 0 || WITHOUT_EXEC.includes(self.platform)) return;
	const args = [
		self.execPath,
		...missing,
		...self.execArgv,
		...self.argv.slice(1)
	];
	self.execve?.(self.execPath, args, self.env);
}
// action/start.ts
beginAgain(process);
await import("./main.js");
export {};
