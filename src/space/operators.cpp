#include "hsconas/space/operators.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr bool kStrided = true;
constexpr Step kBatchNorm{.kind = PrimitiveKind::BatchNorm};
constexpr Step kRelu{.kind = PrimitiveKind::Relu};

constexpr Step pointwise(Width out, int groups = 1) {
  return {.kind = PrimitiveKind::Conv, .out = out, .groups = groups};
}

/// A depthwise convolution with `width` channels in and out.
constexpr Step depthwise(Width width, int kernel, bool takes_stride = false) {
  return {.kind = PrimitiveKind::Conv,
          .out = width,
          .kernel = kernel,
          .takes_stride = takes_stride,
          .groups = kDepthwise};
}

/// The shortcut branch where the shape changes: it brings the input to the new size.
Branch projection(int kernel) {
  return {Source::All,
          {depthwise(Width::In, kernel, kStrided), kBatchNorm, pointwise(Width::In), kBatchNorm,
           kRelu}};
}

Operator with_shuffle_frame(std::string name, int projection_kernel, std::vector<Step> unstrided,
                            std::vector<Step> strided) {
  return {.name = std::move(name),
          .mid = {MidRule::Base::HalfOutput, 1},
          .same_shape = {Merge::Concat,
                         {{Source::EvenChannels, {}}, {Source::OddChannels, std::move(unstrided)}}},
          .changed_shape = {Merge::Concat,
                            {projection(projection_kernel), {Source::All, std::move(strided)}}}};
}

Operator shuffle(int kernel) {
  const auto main = [kernel](bool takes_stride) -> std::vector<Step> {
    return {pointwise(Width::Mid),
            kBatchNorm,
            kRelu,
            depthwise(Width::Mid, kernel, takes_stride),
            kBatchNorm,
            pointwise(Width::Out),
            kBatchNorm,
            kRelu};
  };
  return with_shuffle_frame(fmt::format("shuffle_k{}", kernel), kernel, main(false), main(true));
}

Operator xception() {
  const auto main = [](bool takes_stride) -> std::vector<Step> {
    return {depthwise(Width::In, 3, takes_stride),
            kBatchNorm,
            pointwise(Width::Mid),
            kBatchNorm,
            kRelu,
            depthwise(Width::Mid, 3),
            kBatchNorm,
            pointwise(Width::Mid),
            kBatchNorm,
            kRelu,
            depthwise(Width::Mid, 3),
            kBatchNorm,
            pointwise(Width::Out),
            kBatchNorm,
            kRelu};
  };
  return with_shuffle_frame("xception", 3, main(false), main(true));
}

Operator skip() {
  constexpr Step kPool{.kind = PrimitiveKind::AvgPool, .kernel = 3, .takes_stride = true};
  return {.name = "skip",
          .mid = {},
          .same_shape = {Merge::Concat, {{Source::All, {}}}},
          .changed_shape = {Merge::Concat,
                            {{Source::All, {kPool, pointwise(Width::Out), kBatchNorm, kRelu}}}}};
}

Operator identity() {
  constexpr Step kProject{
      .kind = PrimitiveKind::Conv, .out = Width::Out, .kernel = 1, .takes_stride = true};
  return {.name = "identity",
          .mid = {},
          .same_shape = {Merge::Concat, {{Source::All, {}}}},
          .changed_shape = {Merge::Concat, {{Source::All, {kProject, kBatchNorm}}}}};
}

Operator mbconv(int expand, int kernel, int groups = 1) {
  std::vector<Step> steps{pointwise(Width::Mid, groups), kBatchNorm, kRelu};
  if (groups > 1) steps.push_back({.kind = PrimitiveKind::ChannelShuffle, .groups = groups});
  for (const Step& step : {depthwise(Width::Mid, kernel, kStrided), kBatchNorm, kRelu,
                           pointwise(Width::Out, groups), kBatchNorm}) {
    steps.push_back(step);
  }
  std::string name = fmt::format("mbconv_e{}_k{}", expand, kernel);
  if (groups > 1) name += fmt::format("_g{}", groups);
  return {.name = std::move(name),
          .mid = {MidRule::Base::Input, expand},
          .same_shape = {Merge::AddInput, {{Source::All, steps}}},
          .changed_shape = {Merge::Concat, {{Source::All, steps}}}};
}

std::vector<Operator> make_all() {
  std::vector<Operator> all{shuffle(3), shuffle(5), shuffle(7), xception(), skip(), identity()};
  for (const int kernel : {3, 5, 7}) {
    for (const int expand : {1, 3, 6}) all.push_back(mbconv(expand, kernel));
    all.push_back(mbconv(1, kernel, 2));
  }
  return all;
}

}  // namespace

std::span<const Operator> all_operators() {
  static const std::vector<Operator> all = make_all();
  return all;
}

const Operator& find_operator(std::string_view name) {
  std::vector<std::string> names;
  for (const Operator& op : all_operators()) {
    if (op.name == name) return op;
    names.push_back(op.name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("unknown operator '{}'{}", name, suggestion(name, names)));
}

}  // namespace hsconas
