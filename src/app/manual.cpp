#include <algorithm>

#include <fmt/format.h>

#include "command_text.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// Escapes `text` for roff: backslashes, dashes, and lines that would be taken for a request.
std::string roff(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const bool begins_line = escaped.empty() || escaped.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) escaped += "\\&";
    escaped += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  }
  return escaped;
}

std::string page_name(const CommandText& command) {
  return join(split(command.path, ' '), "-");
}

std::string in_capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string option_paragraph(const OptionText& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", roff(option.value));
  std::string text = fmt::format(".TP\n{}\n{}\n", names, roff(option.meaning));
  if (!option.choices.empty()) {
    text += fmt::format("Allowed: {}.\n", roff(join(option.choices, ", ")));
  }
  return text;
}

std::string synopsis(const CommandText& command) {
  std::string line = fmt::format("\\fB{}\\fR [\\fIoptions\\fR]", roff(command.path));
  if (!command.commands.empty()) line += " \\fIcommand\\fR";
  for (const OptionText& word : command.words) {
    line += fmt::format(" [\\fI{}\\fR]", roff(word.names.front()));
  }
  return line + "\n";
}

std::string options_of(const CommandText& command) {
  std::string text;
  for (const OptionText& word : command.words) text += option_paragraph(word);
  for (const OptionText& option : command.options) text += option_paragraph(option);
  return text;
}

}  // namespace

std::string manual_page(const CommandText& command, const CommandText& program,
                        const std::string& version, const std::string& footer) {
  const bool is_program = command.path == program.path;
  std::string page = fmt::format(".TH {} 1 \"\" \"{}\" \"User Commands\"\n",
                                 in_capitals(page_name(command)), roff(version));
  page += fmt::format(".SH NAME\n{} \\- {}\n", roff(page_name(command)), roff(command.meaning));
  page += ".SH SYNOPSIS\n" + synopsis(command);
  page += ".SH OPTIONS\n" + options_of(command);
  if (!command.commands.empty()) page += ".SH COMMANDS\n";
  for (const CommandText& below : command.commands) {
    if (is_program) {
      page += fmt::format(".TP\n\\fB{}\\fR\n{}; see \\fB{}\\fR(1)\n", roff(below.name),
                          roff(below.meaning), roff(page_name(below)));
    } else {
      page += fmt::format(".SS {}\n{}.\n.PP\n{}{}", roff(below.path), roff(below.meaning),
                          synopsis(below), options_of(below));
    }
  }
  page += fmt::format(".SH EXAMPLES AND EXIT CODES\n.nf\n{}\n.fi\n", roff(footer));
  page += ".SH SEE ALSO\n";
  std::vector<std::string> others;
  if (!is_program) others.push_back(fmt::format("\\fB{}\\fR(1)", program.path));
  for (const CommandText& other : program.commands) {
    if (other.path == command.path) continue;
    others.push_back(fmt::format("\\fB{}\\fR(1)", roff(page_name(other))));
  }
  return page + join(others, ", ") + "\n";
}

}  // namespace hsconas
