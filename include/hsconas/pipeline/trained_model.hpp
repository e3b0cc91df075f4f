#pragma once

#include <filesystem>

#include "hsconas/deploy/deployed_model.hpp"

namespace hsconas {

/// Which of a run's two models is meant.
enum class ModelChoice {
  Best,   ///< The retrained one where there is one, else the winner with the supernet's weights.
  Shared  ///< The latter.
};

/// The folder that holds the model which a user means by `folder`: a finished search, a retraining,
/// or any folder with a model's two files. Throws Error(Data) that says what to do when the search
/// or the retraining has not finished, or when there is neither.
std::filesystem::path find_model(const std::filesystem::path& folder, ModelChoice choice);

}  // namespace hsconas
