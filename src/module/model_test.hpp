#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/app/torch_commands.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/int8_model.hpp"
#include "hsconas/report/evaluation.hpp"

// What evaluate and export share.

namespace hsconas {

/// Prints the answer of a command: `object` with --json, otherwise `text`.
void print(const CommandContext& context, const nlohmann::json& object, const std::string& text);

bool can_write(const std::filesystem::path& folder);

/// The settings that the options name, and the defaults of the others.
Int8Settings int8_settings(const Int8Options& options);

/// The answers of a network on the test images.
struct ModelTest {
  Evaluation fp32;
  std::optional<Evaluation> int8;
};

/// Tests `model` and, unless it is null, its int8 form on the test images of config.data. Throws
/// Error(Usage) if these have another number of channels than the network takes.
ModelTest test_model(const DeployedModel& model, const Int8Model* int8, Config config,
                     CommandContext& context);

/// What a test with int8 prints: as an object, and as a line.
nlohmann::json int8_json(const ModelTest& test, const Int8Model& int8);
std::string int8_text(const ModelTest& test, const Int8Model& int8);

}  // namespace hsconas
