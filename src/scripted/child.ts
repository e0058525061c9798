/** The scripted server as a process of its own: is sent its script, says where it listens, ends with its parent. */
import { type Script, startScriptedServer } from "../scripted-server.ts";

process.once("message", (script: Script) => {
  void startScriptedServer(script).then(({ url }) => process.send?.({ url }));
});
process.once("disconnect", () => process.exit(0));
