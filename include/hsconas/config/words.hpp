#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// The layout of a data set on disk, see open_dataset().
enum class DataFormat { Builtin, Folder, Cifar10, Cifar100, Idx };

/// Random changes to a training image.
enum class Augment {
  None,
  Shift,    ///< Zero padding by an eighth of the side, then a random crop of the original size.
  Small,    ///< Shift, then a horizontal flip with probability 1/2: the usual recipe for CIFAR.
  Imagenet  ///< Random resized crop (area 0.08 to 1, aspect ratio 3/4 to 4/3), then brightness,
            ///< contrast and saturation jitter of up to 0.4 in random order, then a horizontal flip
            ///< with probability 1/2. Source: SPOS (Guo et al., ECCV 2020), with the definitions of
            ///< torchvision.
};

/// How a learning rate falls to 0.
enum class Schedule { Linear, Cosine };

/// The type of activations. Auto depends on the device, see resolved_precision().
enum class Precision { Auto, Fp32, Bf16, Fp16 };

/// How the kernels of a timed inference are launched on a GPU.
enum class Launch {
  Auto,   ///< The mode in which the latency table was measured; Graph if that is unknown.
  Graph,  ///< Replayed as one CUDA graph, so that launch overhead on the CPU hardly matters.
  Eager   ///< One by one as LibTorch operations, so that small kernels wait for the CPU.
};

/// The number format of a timed inference.
enum class TimedPrecision {
  Fp32,
  Tf32,  ///< fp32 in memory; the operands of multiplications are rounded to TF32.
  Fp16   ///< fp16 weights and activations.
};

/// How DANCE combines latency, energy and area into one cost: their product, or a weighted mean.
enum class CostKind { Edap, Linear };

/// The term that DANCE adds to the cross entropy: the predicted cost on the best accelerator, the
/// number of multiply-adds, or nothing.
enum class Penalty { Cost, Macs, None };

/// The policy of a search method that learns from rewards, such as search.method reinforce: it
/// draws each gene from a softmax of its own, or one gene after the other from a recurrent network.
enum class Controller { Softmax, Recurrent };
/// When a search of pairs gets to know what a pair costs.
enum class CostKnowledge { Exact, Learned, Unchecked };

template <typename Enum>
struct Word {
  Enum value;
  const char* text;
};
template <typename Enum>
Word(Enum, const char*) -> Word<Enum>;  // Clang before 17 does not deduce this by itself.

/// kWords<Enum> lists the words that stand for the enumerators in configs and files, in the order
/// in which help shows them.
template <typename Enum>
inline constexpr std::array<Word<Enum>, 0> kWords{};

template <>
inline constexpr std::array kWords<DataFormat>{
    Word{DataFormat::Builtin, "builtin"}, Word{DataFormat::Folder, "folder"},
    Word{DataFormat::Cifar10, "cifar10"}, Word{DataFormat::Cifar100, "cifar100"},
    Word{DataFormat::Idx, "idx"}};
template <>
inline constexpr std::array kWords<Augment>{
    Word{Augment::Small, "small"}, Word{Augment::Shift, "shift"},
    Word{Augment::Imagenet, "imagenet"}, Word{Augment::None, "none"}};
template <>
inline constexpr std::array kWords<Schedule>{Word{Schedule::Linear, "linear"},
                                             Word{Schedule::Cosine, "cosine"}};
template <>
inline constexpr std::array kWords<Precision>{
    Word{Precision::Auto, "auto"}, Word{Precision::Fp32, "fp32"}, Word{Precision::Bf16, "bf16"},
    Word{Precision::Fp16, "fp16"}};
template <>
inline constexpr std::array kWords<Launch>{Word{Launch::Auto, "auto"}, Word{Launch::Graph, "graph"},
                                           Word{Launch::Eager, "eager"}};
template <>
inline constexpr std::array kWords<TimedPrecision>{Word{TimedPrecision::Fp32, "fp32"},
                                                   Word{TimedPrecision::Tf32, "tf32"},
                                                   Word{TimedPrecision::Fp16, "fp16"}};
template <>
inline constexpr std::array kWords<CostKind>{Word{CostKind::Edap, "edap"},
                                             Word{CostKind::Linear, "linear"}};
template <>
inline constexpr std::array kWords<Penalty>{
    Word{Penalty::Cost, "cost"}, Word{Penalty::Macs, "macs"}, Word{Penalty::None, "none"}};

template <>
inline constexpr std::array kWords<Controller>{Word{Controller::Softmax, "softmax"},
                                               Word{Controller::Recurrent, "recurrent"}};
template <>
inline constexpr std::array kWords<CostKnowledge>{Word{CostKnowledge::Exact, "exact"},
                                                  Word{CostKnowledge::Learned, "learned"},
                                                  Word{CostKnowledge::Unchecked, "unchecked"}};

/// The word for `value`; "" if kWords<Enum> does not list it.
template <typename Enum>
constexpr const char* word_of(Enum value) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (word.value == value) return word.text;
  }
  return "";
}

/// The enumerator whose word is `text`, if any.
template <typename Enum>
constexpr std::optional<Enum> parse_word(std::string_view text) {
  for (const Word<Enum>& word : kWords<Enum>) {
    if (text == word.text) return word.value;
  }
  return {};
}

/// All words of an enum.
template <typename Enum>
std::vector<std::string> words_of() {
  std::vector<std::string> words;
  words.reserve(kWords<Enum>.size());
  for (const Word<Enum>& word : kWords<Enum>) words.emplace_back(word.text);
  return words;
}

}  // namespace hsconas
