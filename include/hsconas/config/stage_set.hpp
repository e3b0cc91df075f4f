#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

namespace hsconas {

/// The stages of a run whose outputs are kept and reused.
enum class StageId : unsigned {
  Latency,       ///< Makes the latency table.
  Supernet,      ///< Trains the shared weights on the whole space.
  Shrink,        ///< Shrinks the space and tunes the weights to what is left.
  Search,        ///< Scores the baseline, searches, and writes the winner's model.
  CostNetworks,  ///< Trains the networks through which DANCE differentiates costs.
  Dance,         ///< Searches a network and a design by gradient.
  Codesign,      ///< Searches a network and a design by any other method.
  Retrain        ///< Trains one network alone.
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
  StageSet uses;  ///< The stages whose outputs this stage reads.
};

/// Every stage, each after the stages that it uses. Retraining also uses the search if
/// retrain.from_supernet is set or the teacher has the supernet's weights, and a supernet that
/// learns which networks are fast uses the latency table; this depends on the config and is
/// therefore not in the table.
inline constexpr std::array<StageDescription, 8> kStages{
    {{StageId::Latency, "latency", {}},
     {StageId::Supernet, "supernet", {}},
     {StageId::Shrink, "shrink", {StageId::Latency, StageId::Supernet}},
     {StageId::Search, "search", {StageId::Latency, StageId::Supernet, StageId::Shrink}},
     {StageId::CostNetworks, "cost-networks", {}},
     {StageId::Dance, "dance", {StageId::CostNetworks}},
     {StageId::Codesign, "codesign", {StageId::Supernet}},
     {StageId::Retrain, "retrain", {}}}};

/// The stages in `changed` and every stage that uses one of them, directly or indirectly.
constexpr StageSet with_later_stages(StageSet changed) {
  for (const StageDescription& stage : kStages) {
    if (!(stage.uses & changed).empty()) changed = changed | StageSet{stage.id};
  }
  return changed;
}

}  // namespace hsconas
