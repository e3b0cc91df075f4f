#include "hsconas/onnx/onnx_graph.hpp"

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/int8/rounding_points.hpp"

namespace hsconas {

namespace {

using Ints = std::vector<std::int64_t>;

/// A value of the graph: real numbers or, with a scale, the integers that stand for them.
struct GraphValue {
  struct Scale {
    ActivationScale numbers;
    std::string name;  ///< Its tensors are NAME.scale and NAME.zero_point.
  };
  std::string name;  ///< Of its tensor.
  std::optional<Scale> scale{};
};

/// Adds the operations that run_block() would compute as nodes of a graph.
class GraphBuilder {
 public:
  explicit GraphBuilder(const OnnxGraphOptions& options) { model_.name = options.name; }

  /// Begins the next block; names of its nodes start with the block's name.
  void begin_block(const Block& block) {
    prefix_ = fmt::format("{:02}_{}", blocks_++, block.name);
    counts_.clear();
  }

  /// The graph's input, integers of `scale` if there is one.
  GraphValue input(const ActivationScale* scale) {
    if (scale == nullptr) return {kOnnxInput};
    return {kOnnxInput, add_scale(kOnnxInput, *scale)};
  }

  /// `x` rounded to integers of `scale`.
  GraphValue rounded(const GraphValue& x, const ActivationScale& scale) {
    const std::string name = next("QuantizeLinear");
    GraphValue y{name, add_scale(name, scale)};
    add_named(name, "QuantizeLinear", {real(x), name + kScale, name + kZeroPoint}, {});
    return y;
  }

  GraphValue source(const GraphValue& x, Source source) {
    if (source == Source::All) return x;
    const std::int64_t first = source == Source::OddChannels ? 1 : 0;
    return {
        add("Slice",
            {x.name, integers("from", {first}), integers("to", {std::numeric_limits<int>::max()}),
             integers("axis", {1}), integers("step", {2})},
            {}),
        x.scale};
  }

  GraphValue conv(const Primitive& p, const GraphValue& x, OnnxWeight weight) {
    const std::int64_t k = p.kernel;
    const std::int64_t pad = p.kernel / 2;
    const std::int64_t stride = p.stride;
    const std::string name = next("Conv");
    return {add_named(
        name, "Conv",
        operands(name, {p.out_channels, p.inputs_per_output(), k, k}, true, x, std::move(weight)),
        {{"kernel_shape", Ints{k, k}},
         {"pads", Ints{pad, pad, pad, pad}},
         {"strides", Ints{stride, stride}},
         {"dilations", Ints{1, 1}},
         {"group", std::int64_t{p.groups}}})};
  }

  GraphValue linear(const Primitive& p, const GraphValue& x, OnnxWeight weight) {
    const std::string name = next("Gemm");
    return {
        add_named(name, "Gemm",
                  operands(name, {p.out_channels, p.in_channels}, p.has_bias, x, std::move(weight)),
                  {{"transB", std::int64_t{1}}})};
  }

  /// Adds a primitive without weights.
  GraphValue plain(const Primitive& p, const GraphValue& x) {
    switch (p.kind) {
      case PrimitiveKind::BatchNorm:
        return x;  // Folded into the convolution before it.
      case PrimitiveKind::Relu:
        return {add("Relu", {real(x)}, {})};
      case PrimitiveKind::AvgPool:
        return {average(p, real(x))};
      case PrimitiveKind::ChannelShuffle:
        return shuffle(p, x);
      case PrimitiveKind::GlobalAvgPool:
        return {add("GlobalAveragePool", {real(x)}, {})};
      case PrimitiveKind::Conv:
      case PrimitiveKind::Linear:
        break;
    }
    throw Error(ErrorKind::Internal, "a primitive with weights was taken for one without");
  }

  /// Removes the sides of a pooled image, which have a length of 1.
  GraphValue flat(const GraphValue& x) {
    return {add("Flatten", {x.name}, {{"axis", std::int64_t{1}}}), x.scale};
  }

  GraphValue merge(const Block& block, const GraphValue& x,
                   const std::vector<GraphValue>& outputs) {
    if (block.merge == Merge::AddInput) {
      const std::string branch = real(outputs.front());
      return {add("Add", {branch, real(x)}, {})};
    }
    if (outputs.size() == 1) return outputs.front();
    std::vector<std::string> parts;
    parts.reserve(outputs.size());
    for (const GraphValue& output : outputs) parts.push_back(real(output));
    return {add("Concat", std::move(parts), {{"axis", std::int64_t{1}}})};
  }

  /// Renames the value `last` to the name of the graph's output and returns the model.
  OnnxModel finish(const GraphValue& last, OnnxValue input, OnnxValue output) && {
    if (last.scale) output.type = OnnxType::UInt8;
    for (OnnxNode& node : model_.nodes) {
      for (std::string& name : node.inputs) name = name == last.name ? output.name : name;
      for (std::string& name : node.outputs) name = name == last.name ? output.name : name;
    }
    model_.inputs = {std::move(input)};
    model_.outputs = {std::move(output)};
    return std::move(model_);
  }

 private:
  using Attributes = decltype(OnnxNode::attributes);
  static constexpr const char* kScale = ".scale";
  static constexpr const char* kZeroPoint = ".zero_point";

  GraphValue::Scale add_scale(const std::string& name, const ActivationScale& scale) {
    tensor(name + kScale, {}, std::vector<float>{scale.scale});
    tensor(name + kZeroPoint, {},
           std::vector<std::uint8_t>{static_cast<std::uint8_t>(scale.zero_point)});
    return {scale, name};
  }

  /// The name of `x` as real numbers. Each use of integers has a conversion of its own, so that a
  /// runtime can fuse it with the node that uses it.
  std::string real(const GraphValue& x) {
    if (!x.scale) return x.name;
    return add("DequantizeLinear", {x.name, x.scale->name + kScale, x.scale->name + kZeroPoint},
               {});
  }

  /// The inputs of the node `name`, a convolution or linear layer: x, weight and bias.
  std::vector<std::string> operands(const std::string& name, Ints shape, bool has_bias,
                                    const GraphValue& x, OnnxWeight weight) {
    const Ints channels{shape.front()};
    std::vector<std::string> names{
        real(x), tensor(name + ".weight", std::move(shape), std::move(weight.weight))};
    if (has_bias) names.push_back(tensor(name + ".bias", channels, std::move(weight.bias)));
    if (!x.scale) return names;
    const auto count = weight.scales.size();
    names[1] = per_channel(names[1], weight.scales, std::vector<std::int8_t>(count));
    if (!has_bias) return names;
    std::vector<float> products = std::move(weight.scales);
    for (float& scale : products) scale *= x.scale->numbers.scale;
    names[2] = per_channel(names[2], products, std::vector<std::int32_t>(count));
    return names;
  }

  /// The integers `name` as real numbers, with one scale per channel. Runtimes fuse only if the
  /// zero points are given, too.
  std::string per_channel(const std::string& name, const std::vector<float>& scales,
                          OnnxWeight::Values zero_points) {
    const Ints channels{std::ssize(scales)};
    const std::string scale = tensor(name + kScale, channels, scales);
    const std::string zero = tensor(name + kZeroPoint, channels, std::move(zero_points));
    return add("DequantizeLinear", {name, scale, zero}, {{"axis", std::int64_t{0}}});
  }

  std::string average(const Primitive& p, const std::string& x) {
    const std::int64_t k = p.kernel;
    const std::int64_t pad = p.kernel / 2;
    return add("AveragePool", {x},
               {{"kernel_shape", Ints{k, k}},
                {"pads", Ints{pad, pad, pad, pad}},
                {"strides", Ints{p.stride, p.stride}},
                {"count_include_pad", std::int64_t{1}}});
  }

  GraphValue shuffle(const Primitive& p, const GraphValue& x) {
    // In a Reshape, 0 means that the dimension keeps its size.
    const std::string name = fmt::format("shuffle_{}_{}_{}", p.groups, p.in_channels, p.in_size);
    const std::string parted = add(
        "Reshape",
        {x.name,
         integers(name + "_parted", {0, p.groups, p.inputs_per_output(), p.in_size, p.in_size})},
        {});
    const std::string turned = add("Transpose", {parted}, {{"perm", Ints{0, 2, 1, 3, 4}}});
    return {add("Reshape",
                {turned, integers(name + "_whole", {0, p.in_channels, p.in_size, p.in_size})}, {}),
            x.scale};
  }

  /// The next node name, such as "03_shuffle_k5/Conv_1".
  std::string next(const std::string& op) {
    return fmt::format("{}/{}_{}", prefix_, op, counts_[op]++);
  }

  std::string add(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
    return add_named(next(op), op, std::move(inputs), std::move(attributes));
  }
  std::string add_named(const std::string& name, const std::string& op,
                        std::vector<std::string> inputs, Attributes attributes) {
    model_.nodes.push_back({op, name, std::move(inputs), {name}, std::move(attributes)});
    return name;
  }

  std::string tensor(std::string name, std::vector<std::int64_t> dims, OnnxWeight::Values values) {
    model_.weights.push_back({name, std::move(dims), std::move(values)});
    return name;
  }
  /// The name of an int64 constant; nodes with equal constants share it.
  std::string integers(const std::string& name, Ints values) {
    std::string full = name;
    for (const std::int64_t value : values) full += fmt::format("_{}", value);
    if (shared_.insert(full).second) {
      const auto count = static_cast<std::int64_t>(values.size());
      model_.weights.push_back({full, {count}, std::move(values)});
    }
    return full;
  }

  OnnxModel model_;
  std::string prefix_;
  int blocks_ = 0;
  std::map<std::string, int> counts_;
  std::set<std::string> shared_;
};

bool ends_in_classifier(const Block& block) {
  const auto& primitives = block.paths.back().primitives;
  return !primitives.empty() && primitives.back().kind == PrimitiveKind::Linear;
}

}  // namespace

OnnxModel onnx_graph(
    std::span<const Block> chain, const OnnxGraphOptions& options,
    const std::function<OnnxWeight(std::size_t, std::size_t, const Primitive&)>& weights) {
  GraphBuilder builder(options);
  const ActivationScales* scales = options.scales;
  GraphValue x = builder.input(options.takes_integers ? &scales->input : nullptr);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Block& block = chain[i];
    builder.begin_block(block);
    if (i == 0 && scales != nullptr && !x.scale) x = builder.rounded(x, scales->input);
    std::size_t point = 0;
    const auto at_point = [&](const GraphValue& y, bool is_at_point) {
      const bool rounds = is_at_point && scales != nullptr;
      return rounds ? builder.rounded(y, scales->points[i][point++]) : y;
    };
    std::vector<GraphValue> outputs;
    std::size_t slot = 0;
    for (const Block::Path& path : block.paths) {
      GraphValue y = builder.source(x, path.source);
      for (std::size_t step = 0; step < path.primitives.size(); ++step) {
        const Primitive& p = path.primitives[step];
        if (p.kind == PrimitiveKind::Conv) {
          y = builder.conv(p, y, weights(i, slot++, p));
        } else if (p.kind == PrimitiveKind::Linear) {
          y = builder.linear(p, y, weights(i, slot++, p));
        } else {
          y = builder.plain(p, y);
        }
        y = at_point(y, is_point(path, step));
        if (p.kind == PrimitiveKind::GlobalAvgPool) y = builder.flat(y);
      }
      outputs.push_back(std::move(y));
    }
    x = at_point(builder.merge(block, x, outputs), merges_at_point(block));
  }
  const Block& first = chain.front();
  const Block& last = chain.back();
  const bool classifies = ends_in_classifier(last);
  OnnxValue output{classifies ? "logits" : "features", {options.batch, last.out_channels}};
  if (!classifies) output.dims.insert(output.dims.end(), 2, last.out_size);
  OnnxValue input{kOnnxInput, {options.batch, first.in_channels, first.in_size, first.in_size}};
  if (options.takes_integers) input.type = OnnxType::UInt8;
  return std::move(builder).finish(x, std::move(input), std::move(output));
}

}  // namespace hsconas
