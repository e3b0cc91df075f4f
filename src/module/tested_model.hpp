#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/app/torch_commands.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/int8_model.hpp"
#include "hsconas/report/evaluation.hpp"

// The commands evaluate and export share these functions: both test a network on the test images.

namespace hsconas {

/// Prints the answer of a command: `object` with --json, otherwise `text`.
void print(const CommandContext& context, const nlohmann::json& object, const std::string& text);

bool can_write(const std::filesystem::path& folder);

/// The settings that the options name, and the defaults of the others.
Int8Settings int8_settings(const Int8Options& options);

/// The evaluation of a network on the test images, in fp32 and, if asked for, as int8.
struct TestedModel {
  Evaluation fp32;
  std::optional<Evaluation> int8;
};

/// Tests `model` and, unless it is null, its int8 form on the test images of config.data. Throws
/// Error(Usage) if these have another number of channels than the network takes.
TestedModel test_model(const DeployedModel& model, const Int8Model* int8, Config config,
                       CommandContext& context);

/// The accuracies of a test with int8, as an object and as a line of text.
nlohmann::json int8_json(const TestedModel& test, const Int8Model& int8);
std::string int8_text(const TestedModel& test, const Int8Model& int8);

}  // namespace hsconas
