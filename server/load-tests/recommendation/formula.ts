export interface GpuNeed {
  readonly peak: number;
  /** Requests in flight that what was measured can take within the objectives. */
  readonly maxAtSlo: number;
  readonly headroomPercent: number;
  /** GPUs that were measured together. */
  readonly gpuCount: number;
}

export interface GpuCount {
  /** How many times what was measured. */
  readonly replicas: number;
  readonly gpus: number;
  /** As people read it: "ceil(500 / 120) × 1.2 = 5". */
  readonly formula: string;
  /** As it is computed: "ceil(500 / 120 × 1.2) = ceil(5) = 5". */
  readonly computation: string;
}

/** Just below the next whole number is that number: 500 / 120 × 1.2 is 5 and, in floating point, could be more. */
const ROUNDING = 1e-9;

/** count = ceil(peak / max × (1 + headroom)), times the GPUs that were measured together. */
export function gpusFor({ peak, maxAtSlo, headroomPercent, gpuCount }: GpuNeed): GpuCount {
  const factor = plain(1 + headroomPercent / 100);
  const exact = (peak / maxAtSlo) * (1 + headroomPercent / 100);
  const replicas = Math.max(1, Math.ceil(exact - ROUNDING));
  const gpus = replicas * gpuCount;
  const times = gpuCount === 1 ? "" : `, × ${gpuCount} GPUs = ${gpus}`;
  return {
    replicas,
    gpus,
    formula: `ceil(${peak} / ${maxAtSlo}) × ${factor} = ${replicas}${times}`,
    computation: `ceil(${peak} / ${maxAtSlo} × ${factor}) = ceil(${Number(exact.toFixed(3))}) = ${replicas}${times}`,
  };
}

function plain(value: number): number {
  return Number(value.toPrecision(12));
}
