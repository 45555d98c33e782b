#include "backends/vulkan/compile/spirv.h"

#include <fmt/format.h>
#include <glslang/Include/ResourceLimits.h>
#include <glslang/Public/ResourceLimits.h>
#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <spirv-tools/libspirv.hpp>

#include "backends/vulkan/compile/instructions.h"
#include "ir/error.h"

namespace sinter::vulkan {
namespace {

// Of what compile_to_spirv does to a shader besides calling the libraries: another one, other words.
constexpr int kVersion = 1;

constexpr uint32_t kOpDecorate = 71, kOpFAdd = 129, kOpFSub = 131, kOpFMul = 133, kOpFDiv = 136;
constexpr uint32_t kNoContraction = 42;
// Types, constants and globals, OpTypeVoid to OpSpecConstantOp, come after the last decoration.
constexpr uint32_t kFirstType = 19, kLastType = 52;

// Without the decoration drivers also take 0 * x for 0.
void forbid_contraction(std::vector<uint32_t>& words) {
  std::vector<uint32_t> decorations;
  size_t first_type = 0;
  each_instruction(words, [&](uint32_t op, Words instruction) {
    if (first_type == 0 && op >= kFirstType && op <= kLastType)
      first_type = static_cast<size_t>(instruction.data() - words.data());
    if (op != kOpFAdd && op != kOpFSub && op != kOpFMul && op != kOpFDiv) return;
    decorations.insert(decorations.end(), {3u << 16 | kOpDecorate, instruction[2], kNoContraction});
  });
  words.insert(words.begin() + static_cast<int64_t>(first_type), decorations.begin(), decorations.end());
}

void validate(const std::vector<uint32_t>& words, const std::string& glsl) {
  spvtools::SpirvTools tools(SPV_ENV_VULKAN_1_2);
  std::string message;
  tools.SetMessageConsumer(
      [&](spv_message_level_t, const char*, const spv_position_t& position, const char* text) {
        message += fmt::format("{}: {}\n", position.index, text);
      });
  if (!tools.Validate(words)) throw InternalError(fmt::format("invalid SPIR-V: {}{}", message, glsl));
}

constexpr auto kMessages = static_cast<EShMessages>(EShMsgSpvRules | EShMsgVulkanRules);

void parse(glslang::TShader& shader, const std::string& glsl) {
  static std::once_flag once;
  std::call_once(once, [] { glslang::InitializeProcess(); });
  const char* const text = glsl.c_str();
  shader.setStrings(&text, 1);
  shader.setEnvInput(glslang::EShSourceGlsl, EShLangCompute, glslang::EShClientVulkan, 100);
  shader.setEnvClient(glslang::EShClientVulkan, glslang::EShTargetVulkan_1_2);
  shader.setEnvTarget(glslang::EShTargetSpv, glslang::EShTargetSpv_1_5);
  if (!shader.parse(GetDefaultResources(), 460, false, kMessages)) {
    throw InternalError(fmt::format("GLSL: {}{}", shader.getInfoLog(), glsl));
  }
}

std::atomic<int64_t> times_compiled = 0;

}  // namespace

int64_t shaders_compiled() {
  return times_compiled;
}

void prepare_compiler() {
  glslang::TShader shader(EShLangCompute);
  parse(shader, "#version 460\nlayout(local_size_x = 1) in;\nvoid main() {}\n");
}

std::vector<uint32_t> compile_to_spirv(const std::string& glsl) {
  ++times_compiled;
  glslang::TShader shader(EShLangCompute);
  parse(shader, glsl);
  glslang::TProgram program;
  program.addShader(&shader);
  if (!program.link(kMessages)) throw InternalError(fmt::format("GLSL: {}{}", program.getInfoLog(), glsl));
  std::vector<uint32_t> words;
  glslang::GlslangToSpv(*program.getIntermediate(EShLangCompute), words);
  forbid_contraction(words);
  validate(words, glsl);
  return words;
}

std::string disassemble(const std::vector<uint32_t>& words) {
  std::string text;
  spvtools::SpirvTools(SPV_ENV_VULKAN_1_2)
      .Disassemble(words, &text,
                   SPV_BINARY_TO_TEXT_OPTION_INDENT | SPV_BINARY_TO_TEXT_OPTION_FRIENDLY_NAMES |
                       SPV_BINARY_TO_TEXT_OPTION_NO_HEADER);
  return text;
}

std::string spirv_key(const std::string& glsl) {
  return spirv_version() + "\n" + glsl;
}

std::string spirv_version() {
  const glslang::Version compiler = glslang::GetVersion();
  return fmt::format("spirv {}, glslang {}.{}.{}, {}", kVersion, compiler.major, compiler.minor,
                     compiler.patch, spvSoftwareVersionString());
}

std::vector<uint32_t> cached_spirv(const std::string& glsl, runtime::DiskCache& cache) {
  const std::string key = spirv_key(glsl);
  if (const auto kept = cache.get(key)) {
    std::vector<uint32_t> words(kept->size() / sizeof(uint32_t));
    std::memcpy(words.data(), kept->data(), words.size() * sizeof(uint32_t));
    return words;
  }
  const std::vector<uint32_t> words = compile_to_spirv(glsl);
  cache.put(key, {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(uint32_t)});
  return words;
}

}  // namespace sinter::vulkan
