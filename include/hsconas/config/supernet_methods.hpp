#pragma once

#include <span>
#include <string_view>

namespace hsconas {

/// A row of the table of supernet methods: what is learned while the supernet is trained.
struct SupernetMethod {
  std::string_view name;
  std::string_view meaning;
  /// Whether architecture parameters (a probability of every choice in every layer) follow the
  /// gradient of the loss on the training images, of that on the held-out ones, or of their sum. If
  /// neither, there are none of these parameters.
  bool uses_training_loss = false;
  bool uses_held_out_loss = false;
};

/// All methods, in the order of the documentation.
std::span<const SupernetMethod> supernet_methods();

/// Throws Error(Usage) that lists the names when there is no such method.
const SupernetMethod& find_supernet_method(std::string_view name);

}  // namespace hsconas
