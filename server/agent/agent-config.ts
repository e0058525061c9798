import type { Environment } from "../settings/config-error.ts";

export interface AgentConfig {
  readonly agentId: string;
  /** 0: instances are read only when somebody asks. */
  readonly pollingIntervalSeconds: number;
  /** The operator's file of how instances are measured and changed; without it workflows only advise. */
  readonly workflowsFile?: string;
}

export const DEFAULT_AGENT_CONFIG: AgentConfig = { agentId: "performance-agent", pollingIntervalSeconds: 30 };

const LONGEST_SECONDS = 86_400;

/** AGENT_ID, POLLING_INTERVAL and WORKFLOWS_FILE, which is read when the server starts; what is wrong is added to `mistakes`. */
export function readAgentConfig(env: Environment, mistakes: string[]): AgentConfig {
  const text = env.POLLING_INTERVAL?.trim() ?? "";
  const seconds = Number(text);
  const right = text === "" || (/^\d+$/.test(text) && seconds <= LONGEST_SECONDS);
  if (!right) {
    mistakes.push(
      `POLLING_INTERVAL: ${JSON.stringify(text)} is not a whole number of seconds from 0, which is off, to ${LONGEST_SECONDS}.`,
    );
  }
  const workflowsFile = env.WORKFLOWS_FILE?.trim();
  return {
    agentId: env.AGENT_ID?.trim() || DEFAULT_AGENT_CONFIG.agentId,
    pollingIntervalSeconds: right && text !== "" ? seconds : DEFAULT_AGENT_CONFIG.pollingIntervalSeconds,
    ...(workflowsFile && { workflowsFile }),
  };
}
