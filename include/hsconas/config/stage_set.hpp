#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

namespace hsconas {

/// The stages of a run whose outputs are kept and reused.
enum class StageId : unsigned {
  Latency,       ///< The latency table.
  Supernet,      ///< The shared weights, trained on the whole space.
  Shrink,        ///< The smaller space, and the weights tuned to it.
  Search,        ///< The baseline, the search and the winner's model.
  CostNetworks,  ///< The networks through which DANCE differentiates costs.
  Dance,         ///< The search for a network and a design by gradient.
  Codesign,      ///< The search for a network and a design by any other method.
  Retrain        ///< The training of one network alone.
};

/// A set of stages.
class StageSet {
 public:
  constexpr StageSet() = default;
  constexpr StageSet(std::initializer_list<StageId> ids) {
    for (const StageId id : ids) bits_ |= bit(id);
  }
  constexpr bool contains(StageId id) const { return (bits_ & bit(id)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr StageSet operator|(StageSet other) const {
    other.bits_ |= bits_;
    return other;
  }
  constexpr StageSet operator&(StageSet other) const {
    other.bits_ &= bits_;
    return other;
  }
  constexpr bool operator==(const StageSet&) const = default;

 private:
  static constexpr unsigned bit(StageId id) { return 1U << static_cast<unsigned>(id); }

  unsigned bits_ = 0;
};

struct StageDescription {
  StageId id;
  std::string_view name;
  StageSet uses;  ///< The stages whose outputs it works on.
};

/// Every stage, each after those that it uses. Retraining also uses the search, where
/// retrain.from_supernet or a shared teacher asks for its weights.
inline constexpr std::array<StageDescription, 8> kStages{
    {{StageId::Latency, "latency", {}},
     {StageId::Supernet, "supernet", {}},
     {StageId::Shrink, "shrink", {StageId::Latency, StageId::Supernet}},
     {StageId::Search, "search", {StageId::Latency, StageId::Supernet, StageId::Shrink}},
     {StageId::CostNetworks, "cost-networks", {}},
     {StageId::Dance, "dance", {StageId::CostNetworks}},
     {StageId::Codesign, "codesign", {StageId::Supernet}},
     {StageId::Retrain, "retrain", {}}}};

/// `changed`, and every stage that uses one of them, directly or not.
constexpr StageSet with_later_stages(StageSet changed) {
  for (const StageDescription& stage : kStages) {
    if (!(stage.uses & changed).empty()) changed = changed | StageSet{stage.id};
  }
  return changed;
}

}  // namespace hsconas
