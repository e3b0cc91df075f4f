#include "hsconas/deploy/classify.hpp"

#include <torch/types.h>
#include <torch/utils.h>

namespace hsconas {

namespace {

template <typename Network>
void count_answers(const Network& network, const Batch& batch, Evaluation& evaluation) {
  const c10::InferenceMode guard;
  const torch::Tensor logits = network.forward(batch.images.to(network.device()))
                                   .to(torch::kCPU, torch::kFloat)
                                   .contiguous();
  const torch::Tensor labels = batch.labels.cpu();
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    evaluation.add(logits.data_ptr<float>() + i * logits.size(1),
                   static_cast<int>(labels.data_ptr<std::int64_t>()[i]));
  }
}

}  // namespace

void classify(const FrozenNetwork& network, const Batch& batch, Evaluation& evaluation) {
  count_answers(network, batch, evaluation);
}

void classify(const Int8Network& network, const Batch& batch, Evaluation& evaluation) {
  count_answers(network, batch, evaluation);
}

}  // namespace hsconas
