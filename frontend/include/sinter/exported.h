#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/function.h>
#include <sinter/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace SINTER_EXPORT sinter {

// What Program::export_to or sinter-compile has made of functions for device "vulkan". It needs no compiler:
// the library sinter::runtime is enough. It is called as the program that it comes from, and gives the same
// results, bit for bit where the device is the same.
//
//   ExportedProgram tagger("out/tagger.sinter");
//   tagger.load("out/tagger.safetensors");
//   Function predict = tagger.function("predict");
//   predict.set_input("ids", ids);
//   predict.run();
//   Array scores = predict.output("scores");
//
// Any number of threads may call all that is here at once, as Program says.
class ExportedProgram {
 public:
  // Opens the device, "vulkan" or one by number or name: "vulkan:1". State is zero until it is loaded.
  // Throws Error where `path` is no such file, of another format or damaged, there is no such device, or it
  // lacks what the functions need.
  explicit ExportedProgram(const std::string& path, const std::string& device = "vulkan");
  ExportedProgram(ExportedProgram&&) noexcept;
  ExportedProgram& operator=(ExportedProgram&&) noexcept;
  ~ExportedProgram();

  // As they were exported, those of several sizes by names of their own: "predict_batch_32".
  std::vector<std::string> functions() const;
  // One of these, or of those of several sizes the one of `dims`: ("predict", {{"batch", 32}}). It is made
  // ready to run when it is first asked for, and may outlive the ExportedProgram. Throws Error where there is
  // none, or there are several.
  Function function(const std::string& name, const DimSizes& dims = {}) const;
  // As Program::run, for the sizes that were exported.
  Arrays run(const std::string& name, const Arrays& inputs, const DimSizes& dims = {}) const;
  Array upload(const Array& array) const;  // as Program::upload

  std::vector<TensorInfo> states() const;
  Array state(std::string_view name) const;  // a copy
  void set_state(std::string_view name, const Array& value);
  // How many successful calls wrote state, as Program::step.
  uint32_t step() const;
  // All state and the step, as Program::save writes and Program::load reads them; f16 and bf16 are widened
  // for states of f32. load() passes over what is no state of these functions; it throws Error, and changes
  // nothing, where one is missing or has another type or shape.
  void load(const std::string& path);
  void save(const std::string& path) const;

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace sinter
