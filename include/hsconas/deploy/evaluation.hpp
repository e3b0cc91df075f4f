#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hsconas {

/// How a network did on labelled images.
class Evaluation {
 public:
  explicit Evaluation(std::vector<std::string> classes);

  /// One image of class `label`: `logits` has one value per class. Ties count against the network,
  /// as does a value that is not a number.
  void add(const float* logits, int label);

  std::int64_t images() const { return images_; }
  /// Share of the images whose class is the likeliest one; NaN for no images.
  double top1() const { return share(right_); }
  /// Share of the images whose class is among the five likeliest.
  double top5() const { return share(among_five_); }
  const std::vector<std::string>& classes() const { return classes_; }
  /// Images of class `label` that were taken for class `answer`.
  std::int64_t count(int label, int answer) const {
    return counts_[static_cast<std::size_t>(label) * classes_.size() +
                   static_cast<std::size_t>(answer)];
  }
  std::int64_t images_of(int label) const;
  /// Share of the images of one class that were taken for it; NaN for no images.
  double recall(int label) const;
  /// Share of the images taken for one class that are of it; NaN for no such answers.
  double precision(int label) const;

  /// label,images,recall,precision and then a column per answer: one line per class.
  std::string confusion_csv() const;

 private:
  double share(std::int64_t count) const;

  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;  ///< [label][answer], row-major.
  std::int64_t images_ = 0;
  std::int64_t right_ = 0;
  std::int64_t among_five_ = 0;
};

}  // namespace hsconas
