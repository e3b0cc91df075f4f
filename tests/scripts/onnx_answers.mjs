// Classifies images with an ONNX model in ONNX Runtime:
//   HSCONAS_ORT_NODE=DIR node onnx_answers.mjs MODEL IMAGES CHANNELS SIZE [exact]
// IMAGES holds float32 values, row-major. Writes MODEL.answers (the class of each image, one per
// line) and MODEL.optimized, the graph that ONNX Runtime runs. On processors that add products of 8
// bits with saturation (AVX2 without VNNI), "exact" makes it use instructions that do not saturate.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const load = createRequire(join(resolve(process.env.HSCONAS_ORT_NODE), 'index.js'));
const ort = load('onnxruntime-node');
const [model, images, channels, size, exact] = process.argv.slice(2);
const BATCH = 100;

const bytes = readFileSync(images);
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const length = Number(channels) * Number(size) ** 2;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: 1,
  optimizedModelFilePath: `${model}.optimized`,
  logSeverityLevel: 3,
  ...(exact === 'exact' ? { extra: { session: { x64quantprecision: '1' } } } : {}),
});
let answers = '';
for (let first = 0; first * length < values.length; first += BATCH) {
  const part = values.slice(first * length, (first + BATCH) * length);
  const shape = [part.length / length, Number(channels), Number(size), Number(size)];
  const { logits } = await session.run({ images: new ort.Tensor('float32', part, shape) });
  const classes = logits.dims[1];
  for (let i = 0; i < shape[0]; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (logits.data[i * classes + c] > logits.data[i * classes + best]) best = c;
    }
    answers += `${best}\n`;
  }
}
writeFileSync(`${model}.answers`, answers);
