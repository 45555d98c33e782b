#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace SINTER_EXPORT sinter {

// What Program::export_to or sinter-compile has made of functions for device "vulkan". It needs no compiler:
// the library sinter::runtime is enough. The results are those of the program that it comes from, bit for
// bit where the device is the same.
//
//   ExportedProgram tagger("out/tagger.sinter");
//   tagger.load("out/tagger.safetensors");
//   ExportedProgram::Function predict = tagger.function("predict");
//   predict.set_input("ids", ids);
//   predict.run();
//   Array scores = predict.output("scores");
//
// Any number of threads may call all that is here at once, a Function is for one thread at a time. Calls of
// functions that write no state run beside each other; one of a function that writes has the state to itself.
class ExportedProgram {
 public:
  class Function;

  // Opens the device, "vulkan" or one by number or name: "vulkan:1". State is zero until it is loaded.
  // Throws Error where `path` is no such file, of another format or damaged, there is no such device, or it
  // lacks what the functions need.
  explicit ExportedProgram(const std::string& path, const std::string& device = "vulkan");
  ExportedProgram(ExportedProgram&&) noexcept;
  ExportedProgram& operator=(ExportedProgram&&) noexcept;
  ~ExportedProgram();

  std::vector<std::string> functions() const;
  // Makes it ready to run when it is first asked for; a Function may outlive the ExportedProgram. Throws
  // Error that lists the functions where it is none of them.
  Function function(const std::string& name) const;

  std::vector<TensorInfo> states() const;
  Array state(std::string_view name) const;  // a copy
  // How many successful calls wrote state, as Program::step.
  uint32_t step() const;
  // All state and the step, as Program::save writes and Program::load reads them. load() passes over what is
  // no state of these functions; it throws Error, and changes nothing, where one is missing or has another
  // type or shape.
  void load(const std::string& path);
  void save(const std::string& path) const;

 private:
  struct State;

  std::shared_ptr<State> state_;
};

// One of the functions with memory for its inputs and outputs, as sinter::Function.
class ExportedProgram::Function {
 public:
  Function(Function&&) noexcept;
  Function& operator=(Function&&) noexcept;
  ~Function();

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  // The memory of an input, to fill before run(); zero at first, and to be written rather than read.
  template <Element T>
  std::span<T> input(std::string_view name) {
    const std::span<std::byte> bytes = input_bytes(name, dtype_of<T>());
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  void set_input(std::string_view name, const Array& value);  // copies

  // Throws Error where a check of the function fails; state is then as it was.
  void run();

  // The memory of an output, valid until the next run().
  template <Element T>
  std::span<const T> output(std::string_view name) const {
    const std::span<const std::byte> bytes = output_bytes(name, dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  Array output(std::string_view name) const;  // a copy

 private:
  friend class ExportedProgram;
  struct State;

  explicit Function(std::unique_ptr<State> state);
  std::span<std::byte> input_bytes(std::string_view name, DType type);
  std::span<const std::byte> output_bytes(std::string_view name, DType type) const;

  std::unique_ptr<State> state_;
};

}  // namespace sinter
