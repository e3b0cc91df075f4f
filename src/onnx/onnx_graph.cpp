#include "hsconas/onnx/onnx_graph.hpp"

#include <limits>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

using Ints = std::vector<std::int64_t>;

/// Adds the operations that run_block() would compute as nodes of a graph. A value is represented
/// by the name of its tensor in the graph.
class GraphBuilder {
 public:
  explicit GraphBuilder(const OnnxGraphOptions& options) { model_.name = options.name; }

  /// Begins the next block; names of its nodes start with the block's name.
  void begin_block(const Block& block) {
    prefix_ = fmt::format("{:02}_{}", blocks_++, block.name);
    counts_.clear();
  }

  std::string source(const std::string& x, Source source) {
    if (source == Source::All) return x;
    const std::int64_t first = source == Source::OddChannels ? 1 : 0;
    return add("Slice",
               {x, integers("from", {first}), integers("to", {std::numeric_limits<int>::max()}),
                integers("axis", {1}), integers("step", {2})},
               {});
  }

  std::string conv(const Primitive& p, const std::string& x, OnnxWeight weight) {
    const std::int64_t k = p.kernel;
    const std::int64_t pad = p.kernel / 2;
    const std::int64_t stride = p.stride;
    const std::string name = next("Conv");
    const std::string w = tensor(name + ".weight", {p.out_channels, p.inputs_per_output(), k, k},
                                 std::move(weight.weight));
    const std::string b = tensor(name + ".bias", {p.out_channels}, std::move(weight.bias));
    return add_named(name, "Conv", {x, w, b},
                     {{"kernel_shape", Ints{k, k}},
                      {"pads", Ints{pad, pad, pad, pad}},
                      {"strides", Ints{stride, stride}},
                      {"dilations", Ints{1, 1}},
                      {"group", std::int64_t{p.groups}}});
  }

  std::string linear(const Primitive& p, const std::string& x, OnnxWeight weight) {
    const std::string name = next("Gemm");
    std::vector<std::string> inputs{
        x, tensor(name + ".weight", {p.out_channels, p.in_channels}, std::move(weight.weight))};
    if (p.has_bias) {
      inputs.push_back(tensor(name + ".bias", {p.out_channels}, std::move(weight.bias)));
    }
    return add_named(name, "Gemm", std::move(inputs), {{"transB", std::int64_t{1}}});
  }

  /// Adds a primitive without weights.
  std::string plain(const Primitive& p, const std::string& x) {
    switch (p.kind) {
      case PrimitiveKind::BatchNorm:
        return x;  // Folded into the convolution before it.
      case PrimitiveKind::Relu:
        return add("Relu", {x}, {});
      case PrimitiveKind::AvgPool:
        return average(p, x);
      case PrimitiveKind::ChannelShuffle:
        return shuffle(p, x);
      case PrimitiveKind::GlobalAvgPool:
        return add("Flatten", {add("GlobalAveragePool", {x}, {})}, {{"axis", std::int64_t{1}}});
      case PrimitiveKind::Conv:
      case PrimitiveKind::Linear:
        break;
    }
    throw Error(ErrorKind::Internal, "a primitive with weights was taken for one without");
  }

  std::string merge(const Block& block, const std::string& x,
                    const std::vector<std::string>& outputs) {
    if (block.merge == Merge::AddInput) return add("Add", {outputs.front(), x}, {});
    if (outputs.size() == 1) return outputs.front();
    return add("Concat", outputs, {{"axis", std::int64_t{1}}});
  }

  /// Renames the value `last` to the name of the graph's output and returns the model.
  OnnxModel finish(const std::string& last, OnnxValue input, OnnxValue output) && {
    for (OnnxNode& node : model_.nodes) {
      for (std::string& name : node.inputs) name = name == last ? output.name : name;
      for (std::string& name : node.outputs) name = name == last ? output.name : name;
    }
    model_.inputs = {std::move(input)};
    model_.outputs = {std::move(output)};
    return std::move(model_);
  }

 private:
  using Attributes = decltype(OnnxNode::attributes);

  std::string average(const Primitive& p, const std::string& x) {
    const std::int64_t k = p.kernel;
    const std::int64_t pad = p.kernel / 2;
    return add("AveragePool", {x},
               {{"kernel_shape", Ints{k, k}},
                {"pads", Ints{pad, pad, pad, pad}},
                {"strides", Ints{p.stride, p.stride}},
                {"count_include_pad", std::int64_t{1}}});
  }

  std::string shuffle(const Primitive& p, const std::string& x) {
    // In a Reshape, 0 means that the dimension keeps its size.
    const std::string name = fmt::format("shuffle_{}_{}_{}", p.groups, p.in_channels, p.in_size);
    const std::string parted = add(
        "Reshape",
        {x, integers(name + "_parted", {0, p.groups, p.inputs_per_output(), p.in_size, p.in_size})},
        {});
    const std::string turned = add("Transpose", {parted}, {{"perm", Ints{0, 2, 1, 3, 4}}});
    return add("Reshape",
               {turned, integers(name + "_whole", {0, p.in_channels, p.in_size, p.in_size})}, {});
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
  std::string x = kOnnxInput;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Block& block = chain[i];
    builder.begin_block(block);
    std::vector<std::string> outputs;
    std::size_t slot = 0;
    for (const Block::Path& path : block.paths) {
      std::string y = builder.source(x, path.source);
      for (const Primitive& p : path.primitives) {
        if (p.kind == PrimitiveKind::Conv) {
          y = builder.conv(p, y, weights(i, slot++, p));
        } else if (p.kind == PrimitiveKind::Linear) {
          y = builder.linear(p, y, weights(i, slot++, p));
        } else {
          y = builder.plain(p, y);
        }
      }
      outputs.push_back(std::move(y));
    }
    x = builder.merge(block, x, outputs);
  }
  const Block& first = chain.front();
  const Block& last = chain.back();
  const bool classifies = ends_in_classifier(last);
  OnnxValue output{classifies ? "logits" : "features", {options.batch, last.out_channels}};
  if (!classifies) output.dims.insert(output.dims.end(), 2, last.out_size);
  return std::move(builder).finish(
      x, {kOnnxInput, {options.batch, first.in_channels, first.in_size, first.in_size}},
      std::move(output));
}

}  // namespace hsconas
