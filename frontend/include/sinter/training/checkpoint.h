#pragma once

#include <sinter/data/batches.h>
#include <sinter/export.h>
#include <sinter/program.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace SINTER_EXPORT sinter {

// What a checkpoint says beside the state of the program.
struct CheckpointNotes {
  BatchPosition position = {};                    // of the next batch: Batches::position and seek
  std::optional<double> measure = {};             // how good it is
  std::map<std::string, std::string> texts = {};  // what else the run goes on from
};

struct Checkpoint {
  std::string path;
  uint32_t step = 0;  // Program::step
  uint64_t seed = 0;  // of the program
  CheckpointNotes notes = {};
};

// What a file of a checkpoint says of itself. Throws Error where it is none.
Checkpoint read_checkpoint(const std::string& path);

struct CheckpointOptions {
  int64_t keep = 3;              // of the newest; at least 1
  bool keep_best = true;         // and the one with the lowest measure
  bool highest_is_best = false;  // or the highest
};

// A folder of checkpoints of one program: step-0000000120.safetensors and so on, each with all that Program
// says is its state and the notes. A run goes on from one bit for bit, as if it had never stopped: from the
// same seed, and from the position that its notes have.
//
//   Checkpoints checkpoints("run");
//   if (const auto latest = checkpoints.load_latest(program)) batches.seek(latest->notes.position);
//   ...
//   checkpoints.save(program, {.position = batches.position()});
//
// A file is written beside its place, flushed and renamed, so that whenever the process or the machine stops,
// each checkpoint is whole. One process at a time saves to a folder. It belongs to one thread at a time.
class Checkpoints {
 public:
  // Makes the folder where there is none, and looks at nothing in it yet.
  explicit Checkpoints(std::string folder, CheckpointOptions options = {});
  Checkpoints(Checkpoints&&) noexcept;
  Checkpoints& operator=(Checkpoints&&) noexcept;
  ~Checkpoints();  // waits; what goes wrong meanwhile, wait() alone tells

  // Copies the state as it is now. A thread writes it, and then removes the files that are not to be kept,
  // while training goes on; where the one before is still being written, this waits for it. Throws Error that
  // it ended with, and where the folder has a checkpoint of a later step, which is of another run.
  void save(const Program& program, const CheckpointNotes& notes = {});
  // Until all is written. Throws Error where it could not be.
  void wait();

  // As they lie in the folder, by step. Throws Error where one is damaged.
  std::vector<Checkpoint> list() const;
  // None where there is none; else what it was. Errors are those of Program::load.
  std::optional<Checkpoint> load_latest(Program& program, const LoadOptions& options = {}) const;
  std::optional<Checkpoint> load_best(Program& program, const LoadOptions& options = {}) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sinter
