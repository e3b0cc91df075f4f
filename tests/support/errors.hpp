#pragma once

#include <string>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// The Error that `action` throws, as "kind: message", or "nothing" if it throws none.
template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    switch (error.kind()) {
      case ErrorKind::Internal:
        return std::string("internal: ") + error.what();
      case ErrorKind::Usage:
        return std::string("usage: ") + error.what();
      case ErrorKind::Data:
        return std::string("data: ") + error.what();
      case ErrorKind::Infeasible:
        return std::string("infeasible: ") + error.what();
      case ErrorKind::Device:
        return std::string("device: ") + error.what();
      case ErrorKind::Lost:
        return std::string("lost: ") + error.what();
      case ErrorKind::Interrupted:
        return std::string("interrupted: ") + error.what();
    }
  }
  return "nothing";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace hsconas
