#include "network.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hsconas {

namespace {

std::string as_number(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> text{};
  const int error =
      ::getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? text.data() : "";
}

/// The local address that the system chooses for datagrams to `target`.
std::string local_address(const addrinfo& target) {
  const int socket = ::socket(target.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return "";
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  auto* address = reinterpret_cast<sockaddr*>(&own);
  const bool is_known = ::connect(socket, target.ai_addr, target.ai_addrlen) == 0 &&
                        ::getsockname(socket, address, &size) == 0;
  ::close(socket);
  return is_known ? as_number(address, size) : "";
}

bool accepts(const addrinfo& target) {
  constexpr int kPatienceMs = 1000;
  const int socket = ::socket(target.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return false;
  bool is_connected = ::connect(socket, target.ai_addr, target.ai_addrlen) == 0;
  if (!is_connected && errno == EINPROGRESS) {
    pollfd event{.fd = socket, .events = POLLOUT, .revents = 0};
    int error = 0;
    socklen_t size = sizeof(error);
    is_connected = ::poll(&event, 1, kPatienceMs) == 1 &&
                   ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  ::close(socket);
  return is_connected;
}

/// Calls `f` with the addresses of `host` until it returns true; returns whether it did.
template <typename F>
bool for_each_address(const std::string& host, int port, int type, const F& f) {
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  for (const addrinfo* target = found; target != nullptr; target = target->ai_next) {
    if (f(*target)) return true;
  }
  return false;
}

}  // namespace

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

std::string address_towards(const std::string& host, int port) {
  std::string address;
  for_each_address(host, port, SOCK_DGRAM, [&](const addrinfo& target) {
    address = local_address(target);
    return !address.empty();
  });
  return address;
}

bool is_listening(const std::string& host, int port) {
  return for_each_address(host, port, SOCK_STREAM, accepts);
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

std::string first_outside_address() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return "";
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(found, ::freeifaddrs);
  for (const ifaddrs* it = found; it != nullptr; it = it->ifa_next) {
    const bool is_usable = it->ifa_addr != nullptr && it->ifa_addr->sa_family == AF_INET &&
                           (it->ifa_flags & IFF_UP) != 0 && (it->ifa_flags & IFF_LOOPBACK) == 0;
    if (is_usable) return as_number(it->ifa_addr, sizeof(sockaddr_in));
  }
  return "";
}

}  // namespace hsconas
