#pragma once

#include <string>

#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// Which command a work directory belongs to. Another one must not continue it: it would run its
/// own stages beside those that are there.
enum class RunKind {
  Open,      ///< None yet: it holds at most a latency table and a trained supernet.
  Search,    ///< `hsconas search`, or `shrink`, which is a part of it.
  Targets,   ///< `hsconas search` for several targets, each of which has a search below it.
  Codesign,  ///< `hsconas codesign`
  Retrain    ///< `hsconas retrain`
};

/// The kind of the run in `dir` on this process's disk; Open too if its record is damaged, because
/// the code that reads the record reports that.
RunKind kind_of(const WorkDir& dir);

/// The command line that continues a run of this kind in `dir`; for Open, that of a search. For one
/// target of several, that of the search for all of them, which has the supernet.
std::string continuation(const WorkDir& dir, RunKind kind);

/// Whether `dir` is the run of one target in a search for several.
bool is_target(const WorkDir& dir);

/// "a search", "a co-design run", "a retraining"; for Open "a run".
std::string describe(RunKind kind);

/// Throws Error(Usage) with the right command if `dir` belongs to another command than `wanted`.
/// Open stands for the commands `profile` and `train`, which a search and a co-design begin with.
void check_kind(const WorkDir& dir, RunKind wanted);

/// Notes in `record` that the run is of this kind; nothing for Open.
void note_kind(StageRecord& record, RunKind kind);

/// Why the run in `dir` has no result of a search, with the command that continues it or leads on
/// from what it found, such as "the search has not finished; continue it with hsconas search ...".
std::string why_no_search(const WorkDir& dir);

}  // namespace hsconas
