#include "usage.hpp"

#include <algorithm>
#include <cstddef>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// Whether an argument, or what follows its equals sign, is the path of a file that exists.
bool names_a_file(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  return is_there(argument) ||
         (equals != std::string::npos && is_there(argument.substr(equals + 1)));
}

/// " (did you mean '--x'?)" with the option of the command `at`, or of the program, that is nearest
/// to `word`; "" if none is near.
std::string option_suggestion(const CLI::App& app, const CLI::App& at, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string nearest;
  std::size_t distance = 3;  // With three or more edits, another option was probably meant.
  for (const CLI::App* one : {&at, &app}) {
    for (const CLI::Option* option : one->get_options()) {
      for (const std::string& known : option->get_lnames()) {
        const std::size_t d = edit_distance(name, "--" + known);
        if (d >= distance) continue;
        distance = d;
        nearest = "--" + known;
      }
    }
  }
  return nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
}

/// The name of an option of the command `at`, or of the program, that takes one value and was given
/// several times; "" if there is none.
std::string repeated_option(const CLI::App& app, const CLI::App& at) {
  for (const CLI::App* one : {&at, &app}) {
    for (const CLI::Option* option : one->get_options()) {
      if (option->count() > 1 && option->get_expected_max() == 1) return option->get_name();
    }
  }
  return "";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

}  // namespace

void check_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (is_utf8(argv[i])) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("argument {} is not UTF-8: '{}'; {}", i, printable(argv[i]),
                            names_a_file(argv[i]) ? "rename the file or folder"
                                                  : "type it in UTF-8 or in plain ASCII"));
  }
}

std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  for (std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (word.starts_with("--") && word.substr(0, equals).find('.') != std::string::npos) {
      word = equals == std::string::npos ? word : word.substr(2);
    }
  }
  std::reverse(words.begin(), words.end());
  return words;
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const std::vector<std::string> words = app.remaining(true);
  std::string sentence = error.what();
  const auto option = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  if (const std::string repeated = repeated_option(app, *at);
      !repeated.empty() && dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    sentence = fmt::format("{} is given several times: give it once", repeated);
  } else if (!words.empty() && !words[0].starts_with('-') && !at->get_subcommands({}).empty()) {
    sentence = fmt::format("command '{}' is not known{}", words[0],
                           suggestion(words[0], command_names(*at)));
  } else if (at != &app && option != words.end()) {
    const std::string name = option->substr(0, option->find('='));
    const bool is_setting = name.find('.') != std::string::npos;
    sentence = fmt::format("option {} is not known here{}", *option,
                           is_setting ? fmt::format(": write {}=VALUE", name.substr(2))
                                      : option_suggestion(app, *at, *option));
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && option != words.end()) {
    sentence = fmt::format("option {} is not known here", *option);
  }
  return sentence + " (run with --help)";
}

}  // namespace hsconas
