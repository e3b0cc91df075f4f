#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/text.hpp"
#include "support/temporary_folder.hpp"

namespace hsconas::test {

/// The first Chromium or Chrome in PATH, if there is one.
inline std::optional<std::filesystem::path> find_browser() {
  const char* path = std::getenv("PATH");
  for (const char* name : {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
                           "chrome-headless-shell"}) {
    for (const std::string& folder : split(path != nullptr ? path : "", ':')) {
      const auto file = std::filesystem::path(folder) / name;
      if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) return file;
    }
  }
  return std::nullopt;
}

/// A page in a headless browser, controlled by the DevTools protocol over a pipe: the browser reads
/// commands from descriptor 3 and writes answers to descriptor 4, each JSON followed by a zero
/// byte.
class Browser {
 public:
  explicit Browser(const std::filesystem::path& program) {
    std::array<int, 2> commands{};
    std::array<int, 2> answers{};
    if (::pipe2(commands.data(), O_CLOEXEC) != 0 || ::pipe2(answers.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("cannot make a pipe");
    }
    std::vector<std::string> words{program.string(),
                                   "--headless",
                                   "--remote-debugging-pipe",
                                   "--disable-gpu",
                                   "--disable-dev-shm-usage",
                                   "--no-first-run",
                                   "--disable-background-networking",
                                   "--user-data-dir=" + (profile_ / "profile").string()};
    if (::geteuid() == 0) words.emplace_back("--no-sandbox");  // Required as root.
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
      // The browser gets its own process group, so that all its processes can be ended together.
      // The pipe's ends may have the descriptors 3 or 4 already, so they are moved first.
      ::setpgid(0, 0);
      const int in = ::fcntl(commands[0], F_DUPFD, 10);
      const int out = ::fcntl(answers[1], F_DUPFD, 10);
      const int nowhere = ::open("/dev/null", O_RDWR);
      ::dup2(nowhere, STDOUT_FILENO);
      ::dup2(nowhere, STDERR_FILENO);
      if (::dup2(in, 3) >= 0 && ::dup2(out, 4) >= 0) ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(commands[0]);
    ::close(answers[1]);
    to_ = commands[1];
    from_ = answers[0];
    const auto target = call("Target.createTarget", {{"url", "about:blank"}})["targetId"];
    session_ =
        call("Target.attachToTarget", {{"targetId", target}, {"flatten", true}})["sessionId"];
    for (const char* domain : {"Page", "Runtime", "Log", "Network"}) {
      call(std::string(domain) + ".enable");
    }
  }
  ~Browser() {
    ::close(to_);
    ::close(from_);
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// Sends a command of the protocol and returns its result. Throws std::runtime_error when the
  /// browser answers with an error.
  nlohmann::json call(const std::string& method,
                      const nlohmann::json& parameters = nlohmann::json::object()) {
    const int id = ++last_id_;
    nlohmann::json command{{"id", id}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) command["sessionId"] = session_;
    const std::string text = command.dump() + '\0';
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t n = ::write(to_, text.data() + sent, text.size() - sent);
      if (n <= 0) throw std::runtime_error("the browser has gone");
      sent += static_cast<std::size_t>(n);
    }
    while (true) {
      nlohmann::json message = receive();
      if (message.value("id", 0) != id) continue;
      if (message.contains("error")) throw std::runtime_error(method + message["error"].dump());
      return message["result"];
    }
  }

  void open(const std::filesystem::path& file) {
    events.clear();
    call("Page.navigate", {{"url", "file://" + file.string()}});
    while (!has_event("Page.loadEventFired")) receive();
  }

  /// The value of a JavaScript expression.
  nlohmann::json evaluate(const std::string& expression) {
    const auto answer =
        call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}});
    if (answer.contains("exceptionDetails")) {
      throw std::runtime_error(expression + ": " + answer["exceptionDetails"].dump());
    }
    return answer["result"].value("value", nlohmann::json());
  }

  void mouse(const std::string& type, double x, double y) {
    const bool presses = type != "mouseMoved";
    call("Input.dispatchMouseEvent", {{"type", type},
                                      {"x", x},
                                      {"y", y},
                                      {"button", presses ? "left" : "none"},
                                      {"clickCount", presses ? 1 : 0}});
  }

  void click(double x, double y) {
    for (const char* type : {"mouseMoved", "mousePressed", "mouseReleased"}) mouse(type, x, y);
  }

  void resize(int width, int height) {
    call("Emulation.setDeviceMetricsOverride",
         {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
  }

  bool has_event(const std::string& method) const {
    for (const auto& event : events) {
      if (event["method"] == method) return true;
    }
    return false;
  }

  /// Events that the browser has sent since the page was opened.
  std::vector<nlohmann::json> events;

 private:
  nlohmann::json receive() {
    constexpr int kPatienceMs = 120'000;
    std::size_t end = 0;
    while ((end = buffer_.find('\0')) == std::string::npos) {
      pollfd ready{.fd = from_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, kPatienceMs) <= 0) throw std::runtime_error("the browser hangs");
      std::array<char, 65536> bytes{};
      const ssize_t n = ::read(from_, bytes.data(), bytes.size());
      if (n <= 0) throw std::runtime_error("the browser has ended");
      buffer_.append(bytes.data(), static_cast<std::size_t>(n));
    }
    auto message = nlohmann::json::parse(buffer_.substr(0, end));
    buffer_.erase(0, end + 1);
    if (message.contains("method")) events.push_back(message);
    return message;
  }

  TemporaryFolder profile_;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  int last_id_ = 0;
  std::string session_;
  std::string buffer_;
};

}  // namespace hsconas::test
