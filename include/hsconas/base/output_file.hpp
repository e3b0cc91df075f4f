#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// Checks before a long computation that its result can be written to `out` without a loss: throws
/// Error(Usage) if that is one of the files in `inputs`, and Error(Data) if it is a folder or in a
/// folder that does not exist. Empty paths are ignored.
void check_output(const std::string& out, const std::vector<std::string>& inputs);

/// An option of the command line, and the file that it names; empty if it was not given.
struct OutputOption {
  std::string name;
  std::string file;
};

/// Throws Error(Usage) if two of the options name the same file.
void check_different(const std::vector<OutputOption>& outputs);

}  // namespace hsconas
