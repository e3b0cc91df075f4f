#include "hsconas/train/supernet_evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "device_scoring.hpp"
#include "hsconas/base/parallel.hpp"
#include "hsconas/supernet/calibration.hpp"

namespace hsconas {

namespace {

/// The number of images, of a batch of `batch`, that pass through a calibrated network at a time.
/// On a CPU it is small enough that every thread has images to work on and that activations stay in
/// cache between blocks.
std::int64_t images_at_once(const Supernet& supernet, std::int64_t batch, torch::ScalarType type) {
  if (!supernet.device().is_cpu()) return batch;
  constexpr std::int64_t kBytes = 1 << 20;
  std::int64_t most = 1;
  for (const Block& block : supernet.space().network(supernet.space().uniform(0))) {
    most = std::max({most, std::int64_t{block.in_channels} * block.in_size * block.in_size,
                     std::int64_t{block.out_channels} * block.out_size * block.out_size});
  }
  const auto threads = static_cast<std::int64_t>(at::get_num_threads());
  const std::int64_t few = kBytes / (most * static_cast<std::int64_t>(c10::elementSize(type)));
  return std::clamp(few, std::int64_t{1}, (batch + threads - 1) / threads);
}

Number number_of(torch::ScalarType type) {
  if (type == torch::kHalf) return Number::Fp16;
  return type == torch::kBFloat16 ? Number::Bf16 : Number::Fp32;
}

/// The outputs of `blocks` for `images`. On a CPU, one thread runs all blocks on one element of
/// `images`, so threads need not wait for each other.
std::vector<torch::Tensor> applied(std::span<const CandidateBlock> blocks,
                                   std::span<const torch::Tensor> images) {
  std::vector<torch::Tensor> made(images.begin(), images.end());
  const bool is_cpu = made.empty() || made.front().is_cpu();
  in_parallel(is_cpu ? at::get_num_threads() : 1, made.size(), [&](std::size_t, std::size_t i) {
    const c10::InferenceMode guard;
    // A thread of the pool that meets LibTorch for the first time gets the process' number.
    if (runs_part() && at::get_num_threads() > 1) at::set_num_threads(1);
    for (const CandidateBlock& block : blocks) made[i] = block.apply(made[i]);
  });
  return made;
}

}  // namespace

/// Candidates that agree on every layer before some position, and the output for their judgements.
struct SupernetEvaluator::Group {
  std::span<const Architecture> archs;
  const Race& race;
  const std::vector<const Answers*>& rivals;
  std::vector<std::size_t> members;  ///< Indices into `archs`.
  std::vector<Judgement>& judgements;
};

SupernetEvaluator::SupernetEvaluator(const Supernet& supernet,
                                     const std::vector<Batch>& calibration,
                                     const std::vector<Batch>& validation, const GroupStop& stop,
                                     int memory_mb, torch::ScalarType type)
    : supernet_(supernet),
      stop_(stop),
      memory_bytes_(1e6 * memory_mb),
      type_(type),
      device_(DeviceScoring::make(supernet, number_of(type), calibration, validation)) {
  if (device_) {
    images_.on_device = device_->images();
    for (const Batch& batch : validation) validation_count_ += batch.images.size(0);
    return;
  }
  const torch::Device device = supernet.device();
  for (const Batch& batch : calibration) {
    images_.calibration.push_back(batch.images.to(device));
    image_count_ += batch.images.size(0);
  }
  for (const Batch& batch : validation) {
    const std::int64_t few = images_at_once(supernet, batch.images.size(0), type);
    const std::size_t before = labels_.size();
    for (std::int64_t first = 0; first < batch.images.size(0); first += few) {
      const std::int64_t last = std::min(first + few, batch.images.size(0));
      images_.validation.push_back(batch.images.slice(0, first, last).to(device));
      labels_.push_back(batch.labels.slice(0, first, last).to(device));
    }
    validation_batches_.emplace_back(before, labels_.size() - before);
    validation_count_ += batch.images.size(0);
  }
  image_count_ += validation_count_;
}

SupernetEvaluator::~SupernetEvaluator() = default;

std::vector<double> SupernetEvaluator::accuracy(std::span<const Architecture> archs) {
  const Race none{.floors = std::vector<double>(archs.size()), .confidence = 1.0, .rivals = {}};
  std::vector<double> accuracies;
  for (const Judgement& judgement : judge(archs, none)) accuracies.push_back(judgement.accuracy);
  return accuracies;
}

std::vector<Judgement> SupernetEvaluator::judge(std::span<const Architecture> archs,
                                                const Race& race) {
  std::vector<Judgement> judgements(archs.size());
  if (archs.empty()) return judgements;
  std::vector<const Answers*> rivals;
  for (const Architecture& rival : race.rivals) rivals.push_back(&answers_of(rival));
  Group all{
      .archs = archs, .race = race, .rivals = rivals, .members = {}, .judgements = judgements};
  for (std::size_t i = 0; i < archs.size(); ++i) all.members.push_back(i);
  score(all, images_, 0, memory_bytes_);
  return judgements;
}

void SupernetEvaluator::score(const Group& group, const Images& images, std::size_t position,
                              double free_bytes) {
  const Architecture& first = group.archs[group.members.front()];
  const std::size_t end = first.size() + 2;  // One past the head.
  // The first position at which the candidates differ; they share the stem and the head's weights.
  std::size_t fork = position;
  const auto agree = [&](std::size_t at) {
    return at == 0 || at > first.size() ||
           std::all_of(group.members.begin(), group.members.end(),
                       [&](std::size_t i) { return group.archs[i][at - 1] == first[at - 1]; });
  };
  while (fork < end && agree(fork)) ++fork;
  if (fork == end) {  // All candidates are the same architecture.
    judge_one(group, images, position);
    return;
  }
  // The shared blocks run once, if their output fits the memory.
  const double bytes = bytes_before(first, fork);
  Images made;
  const bool shares = fork > position && bytes <= free_bytes;
  if (shares) made = made_by(first, images, position, fork);
  std::map<std::pair<int, int>, std::vector<std::size_t>> parts;
  for (const std::size_t i : group.members) {
    const LayerChoice choice = group.archs[i][fork - 1];
    parts[{choice.op, choice.width}].push_back(i);
  }
  for (const auto& [choice, members] : parts) {
    score({group.archs, group.race, group.rivals, members, group.judgements},
          shares ? made : images, shares ? fork : position,
          shares ? free_bytes - bytes : free_bytes);
  }
}

void SupernetEvaluator::judge_one(const Group& group, const Images& images, std::size_t position) {
  stop_.check_if_alone();
  const c10::InferenceMode guard;
  const Architecture& arch = group.archs[group.members.front()];
  double floor = std::numeric_limits<double>::infinity();
  for (const std::size_t i : group.members) floor = std::min(floor, group.race.floors[i]);
  const double confidence = group.race.confidence;
  // On a GPU all validation images are classified at once.
  Racer racer(group.rivals, validation_count_, device_ ? 1 : std::ssize(validation_batches_));
  Answers answers;
  if (device_) {
    answers = device_->answers(arch, images.on_device, position);
    for (const bool right : answers) racer.add(right);
    finish(group, arch, racer, answers, 0.0);
    return;
  }
  const auto blocks = calibrated(arch, images, position, arch.size() + 2, nullptr);
  double log_likelihood = 0.0;
  for (const auto& [first, count] : validation_batches_) {
    const auto logits = applied(blocks, std::span(images.validation).subspan(first, count));
    for (std::size_t few = 0; few < count; ++few) {
      const torch::Tensor& labels = labels_[first + few];
      const torch::Tensor right = logits[few].argmax(1).eq(labels).cpu();
      for (std::int64_t i = 0; i < right.numel(); ++i) {
        answers.push_back(right.data_ptr<bool>()[i]);
        racer.add(answers.back());
      }
      log_likelihood -= torch::nll_loss(logits[few].to(torch::kFloat).log_softmax(1), labels, {},
                                        at::Reduction::Sum)
                            .item<double>();
    }
    if (confidence < 1.0 && racer.at_most(confidence) < floor) break;
  }
  finish(group, arch, racer, answers,
         std::exp(log_likelihood / static_cast<double>(validation_count_)));
}

void SupernetEvaluator::finish(const Group& group, const Architecture& arch, const Racer& racer,
                               const Answers& answers, double likelihood) {
  const double confidence = group.race.confidence;
  Judgement judgement{.accuracy = racer.accuracy(),
                      .at_most = racer.at_most(confidence),
                      .images = racer.seen() == validation_count_ ? 0 : racer.seen()};
  // The likelihood of a part of the images cannot be compared, nor can that of infinite outputs.
  if (judgement.images == 0 && std::isfinite(likelihood)) judgement.likelihood = likelihood;
  for (const std::size_t i : group.members) group.judgements[i] = judgement;
  if (confidence < 1.0 && judgement.images == 0) answers_.insert_or_assign(arch, answers);
}

const Answers& SupernetEvaluator::answers_of(const Architecture& arch) {
  const auto known = answers_.find(arch);
  if (known != answers_.end()) return known->second;
  // An earlier process judged this architecture in full, but saved only its accuracy.
  judge(std::span(&arch, 1),
        {.floors = {-std::numeric_limits<double>::infinity()}, .confidence = 0.5, .rivals = {}});
  return answers_.at(arch);
}

std::vector<CandidateBlock> SupernetEvaluator::calibrated(const Architecture& arch,
                                                          const Images& images, std::size_t first,
                                                          std::size_t last, Images* made) const {
  std::vector<CandidateBlock> blocks = candidate_blocks(supernet_, arch, first, last, type_);
  BatchNormStatistics statistics;
  statistics.blocks.resize(last);
  double images_before = 0.0;
  for (torch::Tensor x : images.calibration) {
    const auto count = static_cast<double>(x.size(0));
    for (const CandidateBlock& block : std::span(blocks).first(blocks.size() - 1)) {
      x = block.calibrate(x, statistics, images_before);
    }
    if (made == nullptr) {
      blocks.back().observe(x, statistics, images_before);
    } else {
      made->calibration.push_back(blocks.back().calibrate(x, statistics, images_before));
    }
    images_before += count;
  }
  for (CandidateBlock& block : blocks) block.fix(statistics);
  return blocks;
}

SupernetEvaluator::Images SupernetEvaluator::made_by(const Architecture& arch, const Images& images,
                                                     std::size_t first, std::size_t last) const {
  const c10::InferenceMode guard;
  Images made;
  if (device_) {
    made.on_device = device_->run(arch, images.on_device, first, last);
    return made;
  }
  const auto blocks = calibrated(arch, images, first, last, &made);
  made.validation = applied(blocks, images.validation);
  return made;
}

double SupernetEvaluator::bytes_before(const Architecture& arch, std::size_t position) const {
  if (device_) return device_->bytes_before(arch, position);
  const Block block = supernet_.space().network(arch)[position];
  return 4.0 * static_cast<double>(image_count_) * block.in_channels * block.in_size *
         block.in_size;
}

FrozenNetwork SupernetEvaluator::freeze_candidate(const Architecture& arch) const {
  constexpr std::int64_t kBatch = 250;
  return freeze(
      supernet_, arch,
      calibrate(supernet_, arch, device_ ? device_->calibration(kBatch) : images_.calibration));
}

Tally& Tally::operator+=(const Tally& other) {
  right += other.right;
  total += other.total;
  return *this;
}

Tally classify(const FrozenNetwork& network, const Batch& batch) {
  const c10::InferenceMode guard;
  const torch::Tensor logits = network.forward(batch.images.to(network.device()));
  const torch::Tensor labels = batch.labels.to(network.device());
  return {.right = logits.argmax(1).eq(labels).sum().item<std::int64_t>(), .total = labels.size(0)};
}

}  // namespace hsconas
