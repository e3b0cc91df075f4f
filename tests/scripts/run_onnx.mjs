// Runs the ONNX models that FOLDER/cases.json lists in ONNX Runtime and compares what comes out:
//   HSCONAS_ORT_NODE=DIR HSCONAS_TOLERANCE=1e-4 node run_onnx.mjs FOLDER
// where DIR/node_modules holds onnxruntime-node.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const load = createRequire(join(resolve(process.env.HSCONAS_ORT_NODE), 'index.js'));
const ort = load('onnxruntime-node');
const folder = process.argv[2];
const tolerance = Number(process.env.HSCONAS_TOLERANCE);
const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));

const floats = (name) => {
  const bytes = readFileSync(join(folder, name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

let largest = 0;
for (const { model, shape, images, logits } of cases) {
  const session = await ort.InferenceSession.create(join(folder, model), { intraOpNumThreads: 1 });
  const answer = await session.run({ images: new ort.Tensor('float32', floats(images), shape) });
  const expected = floats(logits);
  const got = answer.logits.data;
  if (got.length !== expected.length) throw new Error(`${model}: ${got.length} values`);
  let scale = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]));
    difference = Math.max(difference, Math.abs(expected[i] - got[i]));
  }
  largest = Math.max(largest, difference / scale);
  if (!(difference / scale <= tolerance)) {
    console.error(`${model}, batch ${shape[0]}: differs by ${difference / scale}`);
    process.exitCode = 1;
  }
  await session.release();
}
console.error(`ONNX Runtime ${cases[0].model.replace(/-\d+\.onnx$/, '')}: ${cases.length} runs, ` +
  `largest relative difference ${largest.toExponential(2)}`);
