import { ConfigError, readConfig } from "../config.ts";
import { ModelError } from "../inference/model-error.ts";
import { optimizeRuntime } from "../inference/optimize-runtime.ts";

/**
 * Compiles llama.cpp for this machine; tells on standard error how far it is, and why it cannot be done.
 * False: nothing was compiled.
 */
export async function optimize(env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const { gpu } = readConfig(env);
    const tell = (line: string) => process.stderr.write(`${line}\n`);
    const onStart = () => tell("Compiling llama.cpp for this machine, which takes minutes and is done once.");
    let told = 0;
    const onProgress = (share: number) => {
      if (share - told < 0.1) return;
      told = share;
      tell(`${Math.floor(share * 100)} % compiled`);
    };
    const done = await optimizeRuntime({ env, gpu, onStart, onProgress });
    tell(`llama.cpp ${done === "built" ? "is" : "was already"} compiled for this machine.`);
    return true;
  } catch (error) {
    if (!(error instanceof ModelError || error instanceof ConfigError)) throw error;
    const hint = error instanceof ModelError && error.hint !== undefined ? `\n${error.hint}` : "";
    process.stderr.write(`${error.message}${hint}\n`);
    return false;
  }
}
