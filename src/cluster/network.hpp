#pragma once

#include <string>

namespace hsconas {

/// The name of this host.
std::string host_name();

/// The local address, as a number, of the route to `host`; empty if `host` has no known address.
/// Sends nothing.
std::string address_towards(const std::string& host, int port);

/// Whether an address that address_towards() returned reaches only this host.
bool is_loopback(const std::string& address);

/// Whether something accepts connections at `port` of `host`. Takes a second at most, apart from
/// looking up the name.
bool is_listening(const std::string& host, int port);

/// The address of the first network interface that is not the loopback; empty if there is none.
std::string first_outside_address();

}  // namespace hsconas
