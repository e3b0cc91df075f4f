#pragma once

#include <filesystem>

#include "hsconas/deploy/deployed_model.hpp"

namespace hsconas {

/// Which of the two models of a run to use.
enum class ModelChoice {
  Best,   ///< The retrained model if there is one, otherwise the same as Shared.
  Shared  ///< The winner of the search with the supernet's weights.
};

/// The folder with the model of `folder`, which may be a finished search, a retraining, a co-design
/// run that compressed a network, or any folder with the two files of a model. Throws Error(Data)
/// that names the remedy when the search or the retraining has not finished, and when `folder` is
/// none of these.
std::filesystem::path find_model(const std::filesystem::path& folder, ModelChoice choice);

}  // namespace hsconas
