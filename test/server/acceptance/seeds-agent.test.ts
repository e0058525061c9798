import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { engineWith, type Listening } from "../../support/agent-api.ts";
import { curl } from "../../support/curl.ts";
import { send, startServer, type TestServer } from "../../support/server.ts";

/**
 * What the document of seed 003 prints, sent as it is printed: only hosts and ports are others. One server, as
 * it is without any setting; an engine with vLLM's page stands for the instance.
 */
let server: TestServer;
let engine: Listening;
before(async () => {
  server = await startServer({ model: { kind: "none" } });
});
beforeEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");
  engine = await engineWith(page("vllm-before"), page("vllm-after"));
});
after(async () => {
  await engine[Symbol.asyncDispose]();
  await server.close();
});

const HEALTH = "curl http://localhost:8002/api/v1/health";
const DETAILED = "curl http://localhost:8002/api/v1/health/detailed";
const CONFIG = "curl http://localhost:8002/api/v1/config";
const CAPABILITIES = "curl http://localhost:8002/api/v1/capabilities";
const COLLECT = `curl -X POST http://localhost:8002/api/v1/metrics/collect \\
  -H "Content-Type: application/json" \\
  -d '{
    "instance_id": "vllm-1",
    "instance_type": "vllm",
    "metrics_url": "http://localhost:8000/metrics"
  }'`;
const DETECT = `curl -X POST http://localhost:8002/api/v1/analysis/detect-bottlenecks \\
  -H "Content-Type: application/json" \\
  -d '{
    "instance_id": "vllm-1",
    "metrics": {...}
  }'`;
const RECOMMEND = `curl -X POST http://localhost:8002/api/v1/optimization/recommend \\
  -H "Content-Type: application/json" \\
  -d '{
    "instance_id": "vllm-1",
    "instance_type": "vllm",
    "bottlenecks": [...]
  }'`;
const START = `curl -X POST http://localhost:8002/api/v1/workflows \\
  -H "Content-Type: application/json" \\
  -d '{
    "instance_id": "vllm-1",
    "instance_type": "vllm",
    "workflow_type": "optimization"
  }'`;
const STATUS = "curl http://localhost:8002/api/v1/workflows/wf-123e4567-e89b-12d3-a456-426614174000";
const LIST = 'curl "http://localhost:8002/api/v1/workflows?status=IN_PROGRESS"';
const APPROVE = "curl -X POST http://localhost:8002/api/v1/workflows/wf-123/approve";
const REJECT = `curl -X POST http://localhost:8002/api/v1/workflows/wf-123/reject \\
  -H "Content-Type: application/json" \\
  -d '{"reason": "Risk too high"}'`;
const PYTHON = `import requests

class PerformanceAgentClient:
    def __init__(self, base_url="http://localhost:8002"):
        self.base_url = base_url
    
    def collect_metrics(self, instance_id, instance_type, metrics_url):
        response = requests.post(
            f"{self.base_url}/api/v1/metrics/collect",
            json={
                "instance_id": instance_id,
                "instance_type": instance_type,
                "metrics_url": metrics_url
            }
        )
        return response.json()

# Usage
client = PerformanceAgentClient()
metrics = client.collect_metrics("vllm-1", "vllm", "http://localhost:8000/metrics")
`;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const WORKFLOW_ID = /^wf-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

for (const [number, command, keys] of [
  ["[A-168]", HEALTH, ["status", "timestamp"]],
  ["[A-169]", DETAILED, ["status", "version", "uptime_seconds", "dependencies", "timestamp"]],
  ["[A-172]", CONFIG, ["agent_id", "version", "capabilities", "polling_interval"]],
  ["[A-173]", CAPABILITIES, ["capabilities", "supported_metrics"]],
] as const) {
  test(`${number} seed 003: ${command} is answered with what is printed`, async () => {
    const { status, json } = await curl(here(command));
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(json), keys);
  });
}

for (const [number, name, command] of [
  ["[A-222]", "the status", STATUS],
  ["[A-227]", "the approval", APPROVE],
  ["[A-229]", "the rejection", REJECT],
] as const) {
  test(`${number} seed 003: ${name} of the id as it is printed is not there`, async () => {
    const { status, json } = await curl(here(command));
    assert.deepEqual([status, json.error.code], [404, "NOT_FOUND"]);
  });
}

for (const [number, name, command] of [
  ["[A-200]", "detection", DETECT],
  ["[A-211]", "recommendation", RECOMMEND],
] as const) {
  test(`${number} seed 003: the ${name} as it is printed has no JSON, and is told where it ends to be`, async () => {
    const { status, json } = await curl(here(command));
    assert.deepEqual([status, json.error.code], [400, "VALIDATION_ERROR"]);
    assert.ok(json.error.details[0].position > 0);
  });
}

test("[A-223] [A-224] seed 003: the list as it is printed is a list, and empty before the first workflow", async () => {
  const { status, json } = await curl(here(LIST));
  assert.deepEqual([status, json], [200, []]);
});

test("[A-167] [A-212] [A-213] [A-214] [A-215] [A-227] [A-229] seed 003: a workflow as it is printed waits for an approval, and gets the printed one", async () => {
  const started = await curl(here(START));
  assert.equal(started.status, 201, started.text);
  const { workflow_id: id, status, instance_id, optimizations, created_at, requires_approval } = started.json;
  assert.match(id, WORKFLOW_ID);
  assert.deepEqual([status, instance_id, requires_approval], ["PENDING_APPROVAL", "vllm-1", true]);
  assert.match(created_at, ISO);
  // Nothing was ever collected of that instance, and nothing is made up.
  assert.deepEqual([optimizations, started.json.analysis.source], [[], "none"]);
  const seen = await curl(here(STATUS.replace(/wf-\S+/, id)));
  assert.deepEqual([seen.status, seen.json.status], [200, "PENDING_APPROVAL"]);

  const approved = await curl(here(APPROVE.replace("wf-123", id)));
  assert.equal(approved.status, 200, approved.text);
  const { approved_at, ...rest } = approved.json;
  assert.match(approved_at, ISO);
  assert.deepEqual(rest, { workflow_id: id, status: "APPROVED", approved_by: "operator" });

  const other = (await curl(here(START))).json.workflow_id;
  const rejected = await curl(here(REJECT.replace("wf-123", other)));
  assert.equal(rejected.status, 200, rejected.text);
  const { rejected_at, ...said } = rejected.json;
  assert.match(rejected_at, ISO);
  assert.deepEqual(said, {
    workflow_id: other,
    status: "REJECTED",
    rejected_by: "operator",
    reason: "Risk too high",
  });
});

test("[A-164] [A-177] [A-215] seed 003: collecting as it is printed gives metrics, and a workflow then advises on them", async () => {
  const { status, json, text } = await curl(here(COLLECT));
  assert.equal(status, 200, text);
  for (const key of ["instance_id", "timestamp", "request_metrics", "gpu_metrics", "throughput_metrics"]) {
    assert.ok(key in json, key);
  }
  const detected = await send(`${server.url}/api/v1/analysis/detect-bottlenecks`, {
    body: { instance_id: "vllm-1", metrics: json },
  });
  assert.ok(detected.json.bottlenecks.length > 0, detected.text);
  const workflow = await curl(here(START));
  assert.equal(workflow.json.analysis.source, "metrics", workflow.text);
  assert.ok(workflow.json.optimizations.length > 0);
  for (const { type, description } of workflow.json.optimizations) {
    assert.match(type, /^[A-Z_]+$/);
    assert.ok(description.length > 0);
  }
});

test("[A-189] seed 003: collecting as it is printed where nobody is there is 503", async () => {
  const gone = await engineWith("");
  await gone[Symbol.asyncDispose]();
  const { status, json } = await curl(here(COLLECT, gone.url));
  assert.deepEqual([status, json.error.code], [503, "SERVICE_UNAVAILABLE"]);
});

test("[A-166] both pages of documentation are where seed 003 says", async () => {
  for (const path of ["/docs", "/redoc"]) {
    const { status, contentType } = await curl(here(`curl http://localhost:8002${path}`));
    assert.deepEqual([status, contentType], [200, "text/html; charset=utf-8"]);
  }
});

test("[A-247] seed 003: the Python client works as it is printed", async (context) => {
  const missing = lackOfPython();
  if (missing !== undefined) return context.skip(missing);
  const program = `${REQUESTS}\n${here(PYTHON)}\nimport json\nprint(json.dumps(metrics))\n`;
  const { stdout } = await promisify(execFile)("python3", ["-c", program], {
    env: { ...process.env, NO_PROXY: "*" },
    timeout: 60_000,
  });
  const metrics = JSON.parse(stdout);
  assert.equal(metrics.instance_id, "vllm-1");
  assert.equal(metrics.request_metrics.success_total, 114);
});

/** The text with the hosts and ports of this test. */
function here(text: string, engineUrl = engine.url): string {
  return text.replaceAll("http://localhost:8002", server.url).replaceAll("http://localhost:8000", engineUrl);
}

/** Python's package of that name: where nobody has installed it, pip's own copy, which is the same. */
const REQUESTS = `
try:
  import requests
except ImportError:
  import sys
  from pip._vendor import requests
  sys.modules["requests"] = requests`;

function lackOfPython(): string | undefined {
  for (const [program, name] of [
    ["", "python3"],
    [REQUESTS, "Python's package requests, nor pip, which has it inside"],
  ] as const) {
    try {
      execFileSync("python3", ["-c", program], { stdio: "ignore" });
    } catch {
      return `This machine has no ${name}.`;
    }
  }
  return undefined;
}
