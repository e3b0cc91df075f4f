#include "hsconas/report/retrain_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-retrain-1";

}  // namespace

json to_json(const RetrainRecord& record) {
  return {{"format", kFormat},
          {"name", record.name},
          {"seed", record.seed},
          {"space", record.space},
          {"arch", record.arch},
          {"layers", record.layers},
          {"macs", record.macs},
          {"parameters", record.parameters},
          {"epochs", record.epochs},
          {"steps", record.steps},
          {"test_images", record.test_images},
          {"test_accuracy", record.test_accuracy},
          {"test_top5", record.test_top5},
          {"shared_test_accuracy",
           record.shared_test_accuracy ? json(*record.shared_test_accuracy) : json()}};
}

RetrainRecord read_retrain_record(const json& object, const std::string& source) {
  if (!object.is_object() || object.value("format", json()) != kFormat) {
    throw Error(ErrorKind::Data, source + ": not a result of a retraining");
  }
  try {
    JsonReader reader(object, "", ErrorKind::Data);
    const json shared = reader.required<json>("shared_test_accuracy");
    return {.name = reader.required<std::string>("name"),
            .seed = reader.required<std::uint64_t>("seed"),
            .space = reader.required<std::string>("space"),
            .arch = reader.required<std::string>("arch"),
            .layers = reader.required<std::string>("layers"),
            .macs = reader.required<std::int64_t>("macs"),
            .parameters = reader.required<std::int64_t>("parameters"),
            .epochs = reader.required<double>("epochs"),
            .steps = reader.required<std::int64_t>("steps"),
            .test_images = reader.required<std::int64_t>("test_images"),
            .test_accuracy = reader.required<double>("test_accuracy"),
            .test_top5 = reader.required<double>("test_top5"),
            .shared_test_accuracy =
                shared.is_null() ? std::nullopt
                                 : std::optional(reader.required<double>("shared_test_accuracy"))};
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: {}", source, error.what()));
  }
}

std::string format_retrain_record(const RetrainRecord& record) {
  std::string text = fmt::format(
      "\n{}\n  {}\n{:.2f} M multiply-adds, {:.3f} M parameters, {:g} epochs\n\n"
      "test accuracy {:.2f} %, top-5 {:.2f} %, on {} images",
      record.arch, record.layers, static_cast<double>(record.macs) / 1e6,
      static_cast<double>(record.parameters) / 1e6, record.epochs, 100.0 * record.test_accuracy,
      100.0 * record.test_top5, record.test_images);
  if (record.shared_test_accuracy) {
    text += fmt::format("; with the supernet's weights it was {:.2f} %",
                        100.0 * *record.shared_test_accuracy);
  }
  return text + "\n";
}

}  // namespace hsconas
