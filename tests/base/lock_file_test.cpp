#include "hsconas/base/lock_file.hpp"

#include <csignal>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

namespace {

std::string locking_error(const fs::path& path) {
  return error_of([&] { LockFile lock(path); });
}

std::string host() {
  std::string name(256, '\0');
  REQUIRE(::gethostname(name.data(), name.size() - 1) == 0);
  return name.substr(0, name.find('\0'));
}

}  // namespace

TEST_CASE("a lock is held once, names its holder, and is gone at the end", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "lock";
  {
    const LockFile lock(path);
    const std::string error = locking_error(path);
    CHECK(error.starts_with("usage: " + (folder / "").parent_path().string() +
                            " is in use by pid " + std::to_string(::getpid()) + " on " + host() +
                            " since 20"));
    CHECK(contains(error, "--work-dir"));
    CHECK(fs::exists(path));  // The refused one must not remove it.
  }
  CHECK_FALSE(fs::exists(path));
  CHECK(locking_error(path) == "nothing");
}

TEST_CASE("the lock of a killed process can be taken", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "lock";
  int ready[2] = {0, 0};
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const LockFile lock(path);
    const char byte = 1;
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(contains(locking_error(path), "in use by pid " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(fs::exists(path));
  CHECK(locking_error(path) == "nothing");
}

TEST_CASE("a lock that is damaged or empty is taken when nobody holds it", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "lock";
  for (const char* text : {"", "pid", "pid 1 on elsewhere since 2020-01-01T00:00:00Z (1)\n"}) {
    write_file(path, text);
    CHECK(locking_error(path) == "nothing");
  }
  CHECK(locking_error(folder / "no" / "lock").starts_with("data: "));
}
