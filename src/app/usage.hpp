#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace hsconas {

/// Throws Error(Usage) for an argument that is not UTF-8: arguments end up in JSON files, which can
/// only hold UTF-8.
void check_arguments(int argc, char** argv);

/// The arguments in reverse, as CLI11 expects them, with two shortcuts expanded: `help search`
/// means `search --help`, and an option with a dot, such as `--search.population=30`, is an
/// override.
std::vector<std::string> words_of(int argc, char** argv);

/// One sentence that says how the command line is wrong. CLI11's own message does not name a
/// misspelt command or option, so these get a better one.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace hsconas
