import { agentAnalysisOperations } from "../routes/agent-analysis-routes.ts";
import { agentMetricsOperations } from "../routes/agent-metrics-routes.ts";
import { analysisOperations } from "../routes/analysis-routes.ts";
import { compareOperations } from "../routes/compare-routes.ts";
import { dashboardOperations } from "../routes/dashboard-routes.ts";
import { exportOperations } from "../routes/export-routes.ts";
import { modelRouteOperations } from "../routes/model-routes.ts";
import { recommendOperations } from "../routes/recommend-schemas.ts";
import { runOperations } from "../routes/run-schemas.ts";
import { virtualUserOperations } from "../routes/virtual-user-schemas.ts";
import { workflowOperations } from "../routes/workflow-schemas.ts";
import { modelOperations } from "./model-operations.ts";
import { openaiOperations } from "./openai-operations.ts";
import type { Operation } from "./operation.ts";
import { platformOperations } from "./platform-operations.ts";

/** All routes of the server; test/server/openapi.test.ts holds them against the router. */
export const operations: readonly Operation[] = [
  ...runOperations,
  ...exportOperations,
  ...analysisOperations,
  ...compareOperations,
  ...recommendOperations,
  ...virtualUserOperations,
  ...agentMetricsOperations,
  ...agentAnalysisOperations,
  ...workflowOperations,
  ...modelOperations,
  ...modelRouteOperations,
  ...openaiOperations,
  ...platformOperations,
  ...dashboardOperations,
];
