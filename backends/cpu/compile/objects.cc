#include "backends/cpu/compile/objects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/xxhash.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>

#include "backends/code_version.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/compile/emit_program.h"
#include "ir/loop/parts.h"
#include "runtime/share_out.h"

namespace sinter::cpu {
namespace {

// An object file as the cache keeps it.
struct Object {
  int64_t scratch_bytes = 0;
  std::string file;
};

std::string to_bytes(const Object& object) {
  std::string bytes(sizeof(object.scratch_bytes), '\0');
  std::memcpy(bytes.data(), &object.scratch_bytes, sizeof(object.scratch_bytes));
  return bytes + object.file;
}

std::optional<Object> from_bytes(const std::optional<std::string>& bytes) {
  Object object;
  if (!bytes || bytes->size() <= sizeof(object.scratch_bytes)) return {};
  std::memcpy(&object.scratch_bytes, bytes->data(), sizeof(object.scratch_bytes));
  object.file = bytes->substr(sizeof(object.scratch_bytes));
  return object;
}

std::string symbol_of(const std::string& text) {
  const llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return fmt::format("piece_{:016x}{:016x}", hash.high64, hash.low64);
}

void put_steps(const loop::Program& program, const std::vector<loop::Step>& steps, std::string& text) {
  const auto put = [&]<typename... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  };
  for (const loop::Step& step : steps) {
    if (step.kind == loop::Step::Kind::repeat) {
      put("repeat {} {} [\n", step.count, step.reverse);
      put_steps(program, step.body, text);
      put("]\n");
      continue;
    }
    if (step.kind != loop::Step::Kind::launch) {
      put("{} {}\n", step.kind == loop::Step::Kind::begin ? "begin" : "end", step.collective);
      continue;
    }
    const loop::Kernel& kernel = program.kernels.at(step.kernel);
    put("launch {} {} {} {} {}", step.kernel, units_of(kernel), kernel.flops, kernel.bytes,
        step.writes_state);
    for (const loop::Argument& argument : step.arguments) {
      put(" {}.{}.{}.{}", argument.slot, loop::size_in_bytes(program.slots.at(argument.slot).type),
          argument.offset, fmt::join(argument.strides, ","));
    }
    put("\n");
  }
}

// The same for the entry.
std::string entry_text(const loop::Program& program, const Pieces& pieces,
                       const std::vector<std::string>& symbols) {
  std::string text = "entry\n";
  for (const std::vector<Part>& parts : pieces.parts) {
    for (const Part& part : parts) {
      text += fmt::format("{} {} {} {} {}; ", symbols.at(part.piece), part.begin, part.end,
                          part.first_site.value_or(-1), fmt::join(part.arguments, " "));
    }
    text += "\n";
  }
  put_steps(program, program.steps, text);
  return text;
}

// What is to be done for a program.
class Work {
 public:
  Work(const loop::Program& program, const Machine& machine, runtime::DiskCache& cache)
      : program_(program),
        machine_(machine),
        cache_(cache),
        pieces_(cut(program)),
        objects_(pieces_.pieces.size() + 1) {
    for (const Piece& piece : pieces_.pieces) {
      texts_.push_back(identity(piece));
      symbols_.push_back(symbol_of(texts_.back()));
    }
    texts_.push_back(entry_text(program, pieces_, symbols_));
    const std::string compiler =
        fmt::format("object\n{}\n{}\n", backends::kCodeVersion, code_identity(machine));
    for (size_t i = 0; i < texts_.size(); ++i) {
      texts_[i] = compiler + texts_[i];
      if (auto found = from_bytes(cache.get(texts_[i]))) {
        objects_[i] = std::move(*found);
      } else {
        missing_.push_back(i);
      }
    }
    // The largest first, so that no thread is left with one at the end.
    std::stable_sort(missing_.begin(), missing_.end(),
                     [&](size_t a, size_t b) { return texts_[a].size() > texts_[b].size(); });
  }

  Objects run(int threads) {
    runtime::share_out(missing_.size(), threads, [this]() -> runtime::Worker {
      const auto generator = std::make_shared<CodeGenerator>(machine_);
      return [this, generator](size_t i) { make(missing_[i], *generator); };
    });
    Objects result;
    result.compiled = missing_.size();
    result.found = objects_.size() - missing_.size();
    for (Object& object : objects_) {
      result.scratch_bytes = std::max(result.scratch_bytes, object.scratch_bytes);
      result.files.push_back(std::move(object.file));
    }
    return result;
  }

 private:
  void make(size_t i, CodeGenerator& generator) {
    llvm::LLVMContext context;
    llvm::Module module("sinter", context);
    if (i < pieces_.pieces.size()) {
      objects_[i].scratch_bytes = emit_piece(module, pieces_.pieces[i], symbols_[i], machine_.target);
    } else {
      emit_entry(module, program_, pieces_, symbols_);
    }
    verify(module);
    objects_[i].file = generator.object(module);
    cache_.put(texts_[i], to_bytes(objects_[i]));
  }

  const loop::Program& program_;
  const Machine& machine_;
  runtime::DiskCache& cache_;
  const Pieces pieces_;
  std::vector<std::string> symbols_;
  std::vector<std::string> texts_;  // cache keys: of each piece, then of the entry
  std::vector<Object> objects_;
  std::vector<size_t> missing_;
};

}  // namespace

Objects make_objects(const loop::Program& program, const Machine& machine, int threads,
                     runtime::DiskCache& cache) {
  return Work(program, machine, cache).run(threads);
}

}  // namespace sinter::cpu
