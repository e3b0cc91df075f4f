// Runs ONNX's own checker and strict shape inference on the given files. It is a separate program,
// because libonnx and protobuf may clash with the copies in LibTorch.
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>

#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    try {
      onnx::checker::check_model(argv[i]);
      onnx::ModelProto model;
      std::ifstream in(argv[i], std::ios::binary);
      if (!model.ParseFromIstream(&in)) throw std::runtime_error("cannot be parsed");
      onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
                                         onnx::ShapeInferenceOptions(true, 1, false));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", argv[i], error.what());
      return 1;
    }
  }
  return 0;
}
