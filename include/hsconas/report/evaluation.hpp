#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hsconas {

/// Counts a network's answers on labelled images.
class Evaluation {
 public:
  explicit Evaluation(std::vector<std::string> classes);

  /// Adds one image of class `label`; `logits` has one value per class. Ties and NaN count as wrong
  /// answers.
  void add(const float* logits, int label);

  std::int64_t images() const { return images_; }
  /// Fraction of images whose class has the largest logit; NaN without images.
  double top1() const { return share(right_); }
  /// Fraction of images whose class has one of the five largest logits; NaN without images.
  double top5() const { return share(among_five_); }
  const std::vector<std::string>& classes() const { return classes_; }
  /// Images of class `label` that were classified as `answer`.
  std::int64_t count(int label, int answer) const {
    return counts_[static_cast<std::size_t>(label) * classes_.size() +
                   static_cast<std::size_t>(answer)];
  }
  std::int64_t images_of(int label) const;
  /// Fraction of the images of this class that were classified correctly; NaN without images.
  double recall(int label) const;
  /// Fraction of the answers `label` that were correct; NaN without such answers.
  double precision(int label) const;

  /// The confusion matrix as CSV, one line per class: label,images,recall,precision, then one
  /// column per answer.
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
