// Ranks that are processes, some of which fail, are killed or hang.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/cluster/join_group.hpp"
#include "support/free_port.hpp"
#include "support/local_ranks.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

#ifdef HSCONAS_HAVE_GLOO

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A rank that is a process: this program, which runs only the hidden test below.
class RankProcess {
 public:
  RankProcess(int rank, int size, int port, const std::string& role)
      : RankProcess({"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
                     "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(port),
                     "HSCONAS_TEST_ROLE=" + role}) {}
  ~RankProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RankProcess(const RankProcess&) = delete;
  RankProcess& operator=(const RankProcess&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }

  /// The exit code, 128 + N after signal N, or -1 if the process does not end in time.
  int wait(Clock::duration patience = 20s) {
    const auto end = Clock::now() + patience;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) != pid_) {
      if (Clock::now() > end) return -1;
      std::this_thread::sleep_for(5ms);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  explicit RankProcess(std::vector<std::string> variables) {
    std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    std::string which = "[.rank]";
    std::vector<char*> arguments{self.data(), which.data(), nullptr};
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    for (char** it = environ; *it != nullptr; ++it) environment.push_back(*it);
    environment.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    ::execve(self.c_str(), arguments.data(), environment.data());
    ::_exit(127);
  }

  pid_t pid_ = -1;
};

/// What a rank process does until it ends.
const std::map<std::string, GroupWork>& roles() {
  static const std::map<std::string, GroupWork> all{{"leave", [](ProcessGroup&) {}},
                                                    {"step",
                                                     [](ProcessGroup& group) {
                                                       for (;;) {
                                                         max_of_one(group);
                                                         std::this_thread::sleep_for(1ms);
                                                       }
                                                     }},
                                                    {"take",
                                                     [](ProcessGroup& group) {
                                                       for (;;) group.next("units");
                                                     }},
                                                    {"wait for root",
                                                     [](ProcessGroup& group) {
                                                       group.on_root([] {
                                                         std::this_thread::sleep_for(60s);
                                                         return std::string();
                                                       });
                                                     }},
                                                    {"fail", [](ProcessGroup& group) {
                                                       for (int i = 0; i < 10; ++i)
                                                         max_of_one(group);
                                                       if (group.rank() == 1)
                                                         throw Error(ErrorKind::Data,
                                                                     "a bad image");
                                                       max_of_one(group);
                                                     }}};
  return all;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

TEST_CASE("a rank of another test", "[.rank]") {
  const std::string role = variable("HSCONAS_TEST_ROLE");
  if (role.empty()) return;
  const int rank = std::stoi(variable("RANK"));
  JoinOptions options = quick_options();
  options.timeout = std::chrono::milliseconds(std::stoi(variable("HSCONAS_TEST_TIMEOUT_MS")));
  options.grace = 200ms;
  options.on_hang = [](const Error& error) { ::_exit(error.exit_code()); };
  const StopToken stop;
  std::shared_ptr<ProcessGroup> group;
  try {
    group = join_group(
        local_launch(rank, std::stoi(variable("WORLD_SIZE")), std::stoi(variable("MASTER_PORT"))),
        stop, options);
    if (rank == 0) write_file(variable("HSCONAS_TEST_READY"), "ready");
    roles().at(role)(*group);
    group->leave();
  } catch (const Error& error) {
    if (group) group->fail(error);
    ::_exit(error.exit_code());
  }
}

namespace {

/// Starts `size` rank processes, does `harm` to them once all have joined, and returns how they
/// ended; a rank that the harm left no chance is not waited for.
std::vector<int> codes_after(
    int size, const std::string& role, std::chrono::milliseconds timeout,
    const std::function<void(std::vector<std::unique_ptr<RankProcess>>&)>& harm) {
  const TemporaryFolder folder;
  const std::filesystem::path ready = folder / "ready";
  ::setenv("HSCONAS_TEST_READY", ready.c_str(), 1);
  ::setenv("HSCONAS_TEST_TIMEOUT_MS", std::to_string(timeout.count()).c_str(), 1);
  const int port = free_port();
  std::vector<std::unique_ptr<RankProcess>> ranks;
  for (int rank = 0; rank < size; ++rank) {
    ranks.push_back(std::make_unique<RankProcess>(rank, size, port, role));
  }
  const auto end = Clock::now() + 20s;
  while (!std::filesystem::exists(ready) && Clock::now() < end) std::this_thread::sleep_for(5ms);
  harm(ranks);
  std::vector<int> codes;
  for (const auto& rank : ranks) codes.push_back(rank ? rank->wait() : -1);
  return codes;
}

}  // namespace

TEST_CASE("processes that have done their work leave together", "[cluster]") {
  CHECK(codes_after(2, "leave", 10s, [](const auto&) {}) == std::vector<int>{0, 0});
}

TEST_CASE("the failure of one process is the exit code of all", "[cluster]") {
  CHECK(codes_after(3, "fail", 10s, [](const auto&) {}) == std::vector<int>{3, 3, 3});
}

TEST_CASE("when a process is killed the others end soon with code 6", "[cluster]") {
  constexpr int kKilled = 128 + SIGKILL;
  struct Loss {
    std::size_t victim;
    std::string role;
    int size;
  };
  for (const Loss& loss : {Loss{1, "step", 3}, Loss{0, "take", 2}}) {
    CAPTURE(loss.victim, loss.role);
    auto begin = Clock::now();
    const auto codes = codes_after(loss.size, loss.role, 10s, [&](auto& ranks) {
      ranks[loss.victim]->send(SIGKILL);
      begin = Clock::now();
    });
    std::vector<int> expected(static_cast<std::size_t>(loss.size), 6);
    expected[loss.victim] = kKilled;
    CHECK(codes == expected);
    CHECK(Clock::now() - begin < 8s);
  }
}

TEST_CASE("when a process hangs the others end with code 6", "[cluster]") {
  const auto stop_root = [](auto& ranks) {
    ranks[0]->send(SIGSTOP);
    const int code = ranks[1]->wait();
    ranks[0]->send(SIGKILL);
    ranks[0]->wait();
    ranks.erase(ranks.begin());
    ranks[0].reset();
    if (code != 6) throw std::runtime_error("code " + std::to_string(code));
  };
  for (const char* role : {"step", "wait for root"}) {
    CAPTURE(role);
    CHECK_NOTHROW(codes_after(2, role, 500ms, stop_root));
  }
}

#endif
