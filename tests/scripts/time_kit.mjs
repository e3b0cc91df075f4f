// What run.py of an edge kit does, with ONNX Runtime for node: for machines where Python's is not
// to be had. Writes KIT/results.csv:
//   HSCONAS_ORT_NODE=DIR node time_kit.mjs KIT [ROUNDS] [SAMPLE_MS]
// where DIR/node_modules holds onnxruntime-node.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const load = createRequire(join(resolve(process.env.HSCONAS_ORT_NODE), 'index.js'));
const ort = load('onnxruntime-node');
const kit = process.argv[2];
const rounds = Number(process.argv[3] ?? 15);
const sampleMs = Number(process.argv[4] ?? 5);
const GROUP = 24;
const MODELS_PER_REFERENCE = 6;
const SLOW = 1.15;
const FEWEST = 3;

const lines = readFileSync(join(kit, 'manifest.csv'), 'utf8').trim().split('\n');
const names = lines[0].split(',');
const all = lines.slice(1).map((line) => Object.fromEntries(line.split(',').map((v, i) => [names[i], v])));
const rows = all.filter((row) => row.role !== 'reference');

const ready = async (row) => {
  const shape = [row.batch, row.channels, row.size, row.size].map(Number);
  const session = await ort.InferenceSession.create(join(kit, row.file),
    { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' });
  const type = session.inputMetadata[0].type;
  const isInt8 = type === 'uint8';  // A block of an int8 kit.
  const draw = isInt8 ? () => Math.floor(256 * Math.random()) : () => Math.random();
  const length = shape.reduce((a, b) => a * b);
  const values = (isInt8 ? Uint8Array : Float32Array).from({ length }, draw);
  return { session, inputs: { images: new ort.Tensor(type, values, shape) } };
};
const milliseconds = async ({ session, inputs }, runs) => {
  const begin = process.hrtime.bigint();
  for (let i = 0; i < runs; i++) await session.run(inputs);
  return Number(process.hrtime.bigint() - begin) / 1e6 / runs;
};
const runsFor = async (model) => {
  await milliseconds(model, 2);
  return Math.max(1, Math.ceil(sampleMs / await milliseconds(model, 2)));
};
const shuffled = (list) => {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
};
const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => {
  const s = sorted(list);
  return (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2;
};

const reference = await ready(all.find((row) => row.role === 'reference'));
const referenceRuns = await runsFor(reference);
const referenceMs = [];
const runs = new Map();
const samples = new Map(rows.map((row) => [row.file, []]));
for (let round = 0; round < rounds; round++) {
  const order = shuffled(rows);
  for (let first = 0; first < order.length; first += GROUP) {
    const group = [];
    for (const row of order.slice(first, first + GROUP)) {
      const model = await ready(row);
      const count = await runsFor(model);
      if (!runs.has(row.file)) runs.set(row.file, count);
      group.push([row.file, model]);
    }
    for (let i = 0; i < group.length; i++) {
      const [file, model] = group[i];
      if (i % MODELS_PER_REFERENCE === 0) referenceMs.push(await milliseconds(reference, referenceRuns));
      await milliseconds(model, 1);
      samples.get(file).push([await milliseconds(model, runs.get(file)), referenceMs.length - 1]);
    }
    for (const [, model] of group) await model.session.release();
  }
  console.error(`round ${round + 1} of ${rounds}`);
}

const quarter = sorted(referenceMs)[referenceMs.length >> 2];
const slow = referenceMs.filter((ms) => ms > SLOW * quarter).length;
let csv = 'file,ms,n\n';
for (const [file, list] of samples) {
  const quiet = list.filter(([, i]) => referenceMs[i] <= SLOW * quarter);
  const kept = (quiet.length >= FEWEST ? quiet : list).map(([ms]) => ms);
  csv += `${file},${median(kept)},${kept.length}\n`;
}
writeFileSync(join(kit, 'results.csv'), csv);
console.error(`slow ${(100 * slow / referenceMs.length).toFixed(0)} % of the time`);
