#include <algorithm>
#include <string>

#include "cublas_products.hpp"
#include "cuda_error.hpp"

namespace hsconas::cuda {

namespace {

const char* name_of(Number type) {
  switch (type) {
    case Number::Fp32:
      return "fp32";
    case Number::Bf16:
      return "bf16";
    case Number::Fp16:
      return "fp16";
  }
  return "?";
}

std::string text_of(const Product& p) {
  const auto matrix = [](const Matrix& m) {
    return std::string(m.transposed ? "transposed, " : "") + "stride " + std::to_string(m.stride);
  };
  return std::to_string(p.batches) + " x [" + std::to_string(p.rows) + ", " +
         std::to_string(p.depth) + "] (" + matrix(p.left) + ") * [" + std::to_string(p.depth) +
         ", " + std::to_string(p.columns) + "] (" + matrix(p.right) + "), " + name_of(p.type) +
         " to " + name_of(p.out_type) + " of stride " + std::to_string(p.out_stride) +
         (p.add != nullptr ? ", added to" : "");
}

void check_blas(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ErrorKind::Device, "GPU: " + what + ": " + cublasLtGetStatusString(status) + " (" +
                                     cublasLtGetStatusName(status) + ")");
}

cudaDataType_t data_type_of(Number type) {
  switch (type) {
    case Number::Fp32:
      return CUDA_R_32F;
    case Number::Bf16:
      return CUDA_R_16BF;
    case Number::Fp16:
      return CUDA_R_16F;
  }
  return CUDA_R_32F;
}

// Tensor cores multiply 16-bit values exactly and add them up in fp32. For fp32 values PEDANTIC
// rules out TF32 and emulation by several bf16 products, whatever environment variables say.
cublasComputeType_t compute_type_of(Number type) {
  return type == Number::Fp32 ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
}

// Alignment that algorithms may rely on, at most 16 bytes. Larger values are never needed and would
// make the choice of algorithm depend on where in memory a tensor happens to lie.
std::uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  std::uint32_t alignment = 16;
  while (address % alignment != 0) alignment /= 2;
  return alignment;
}

// cuBLASLt's matrices are column-major: for it, a row-major matrix [rows][columns] is a matrix
// [columns][rows] with the same stride, in other words the transposed one. So we let it compute
//   out^T [columns x rows] = right^T [columns x depth] * left^T [depth x rows],
// with our right matrix as its A and our left one as its B:
//   right as it is:   memory [depth][columns]  -> its matrix columns x depth, not transposed
//   right transposed: memory [columns][depth]  -> its matrix depth x columns, transposed
//   left as it is:    memory [rows][depth]     -> its matrix depth x rows,    not transposed
//   left transposed:  memory [depth][rows]     -> its matrix rows x depth,    transposed
//   out, add:         memory [rows][columns]   -> its matrix columns x rows
struct Shape {
  std::int64_t rows;
  std::int64_t columns;
};

Shape memory_of_left(const Product& p) {
  return p.left.transposed ? Shape{p.depth, p.rows} : Shape{p.rows, p.depth};
}
Shape memory_of_right(const Product& p) {
  return p.right.transposed ? Shape{p.columns, p.depth} : Shape{p.depth, p.columns};
}

cublasLtMatrixLayoutOpaque_t layout(Shape memory, std::int64_t stride, Number type, int batches,
                                    std::int64_t step) {
  cublasLtMatrixLayoutOpaque_t result;
  check_blas(cublasLtMatrixLayoutInit(&result, data_type_of(type),
                                      static_cast<std::uint64_t>(memory.columns),
                                      static_cast<std::uint64_t>(memory.rows), stride),
             "describing a matrix");
  if (batches > 1) {
    const std::int32_t count = batches;
    check_blas(cublasLtMatrixLayoutSetAttribute(&result, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                                sizeof(count)),
               "describing a matrix");
    check_blas(cublasLtMatrixLayoutSetAttribute(
                   &result, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof(step)),
               "describing a matrix");
  }
  return result;
}

ProductPlan description_of(const Product& p) {
  ProductPlan plan{};
  check_blas(cublasLtMatmulDescInit(&plan.operation, compute_type_of(p.type), CUDA_R_32F),
             "describing a product");
  const auto transpose = [&](cublasLtMatmulDescAttributes_t attribute, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check_blas(
        cublasLtMatmulDescSetAttribute(&plan.operation, attribute, &operation, sizeof(operation)),
        "describing a product");
  };
  transpose(CUBLASLT_MATMUL_DESC_TRANSA, p.right.transposed);
  transpose(CUBLASLT_MATMUL_DESC_TRANSB, p.left.transposed);
  plan.left = layout(memory_of_left(p), p.left.stride, p.type, p.batches, p.left_step);
  plan.right = layout(memory_of_right(p), p.right.stride, p.type, p.batches, p.right_step);
  plan.out = layout({p.rows, p.columns}, p.out_stride, p.out_type, p.batches, p.out_step);
  return plan;
}

// Limits what the heuristic may choose from.
class Preference {
 public:
  Preference() { check_blas(cublasLtMatmulPreferenceInit(&preference_), "stating preferences"); }

  template <typename T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    check_blas(cublasLtMatmulPreferenceSetAttribute(&preference_, attribute, &value, sizeof(value)),
               "stating preferences");
  }
  cublasLtMatmulPreference_t get() { return &preference_; }

 private:
  cublasLtMatmulPreferenceOpaque_t preference_;
};

std::size_t workspace_bytes_of_device() {
  int device = 0;
  int major = 0;
  check(cudaGetDevice(&device), "asking for the current device");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
        "asking for the compute capability");
  return std::size_t{major >= 9 ? 32U : 8U} << 20U;
}

}  // namespace

CublasProducts::CublasProducts(cudaStream_t stream)
    : stream_(stream), workspace_bytes_(workspace_bytes_of_device()) {
  check(cudaMalloc(&workspace_, workspace_bytes_), "allocating the workspace of matrix products");
  const cublasStatus_t status = cublasLtCreate(&handle_);
  if (status != CUBLAS_STATUS_SUCCESS) cudaFree(workspace_);
  check_blas(status, "starting cuBLASLt");
}

CublasProducts::~CublasProducts() {
  cublasLtDestroy(handle_);
  cudaFree(workspace_);  // Waits for the products that still use it.
}

CublasProducts::Key CublasProducts::key_of(const Product& p) {
  std::int64_t kind = static_cast<std::int64_t>(p.type);
  kind = kind * 4 + static_cast<std::int64_t>(p.out_type);
  kind = kind * 2 + (p.left.transposed ? 1 : 0);
  kind = kind * 2 + (p.right.transposed ? 1 : 0);
  kind = kind * 2 + (p.add != nullptr ? 1 : 0);
  for (const void* data : {p.left.data, p.right.data, p.add, static_cast<const void*>(p.out)}) {
    kind = kind * 32 + alignment_of(data);
  }
  const bool many = p.batches > 1;  // Otherwise the steps have no meaning.
  return {p.rows,
          p.columns,
          p.depth,
          p.left.stride,
          p.right.stride,
          p.out_stride,
          p.batches,
          many ? p.left_step : 0,
          many ? p.right_step : 0,
          many ? p.out_step : 0,
          kind};
}

std::size_t CublasProducts::HashOfKey::operator()(const Key& key) const {
  std::uint64_t hash = 0;
  for (const std::int64_t value : key) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32U;
  }
  return static_cast<std::size_t>(hash);
}

void CublasProducts::multiply(const Product& product) {
  const Key key = key_of(product);
  auto found = cache_.find(key);
  if (found == cache_.end()) found = cache_.emplace(key, plans(product, 1).front()).first;
  run(found->second, product);
}

std::vector<ProductPlan> CublasProducts::plans(const Product& product, int count) const {
  ProductPlan plan = description_of(product);
  Preference preference;
  preference.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes_);
  // Sums may be split only if the parts are kept in fp32 and added up in order afterwards.
  preference.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                 static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  const void* added = product.add != nullptr ? product.add : product.out;
  preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(product.right.data));
  preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(product.left.data));
  preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(added));
  preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(product.out));

  std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(count));
  int found = 0;
  cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle_, &plan.operation, &plan.right, &plan.left, &plan.out,
                                     &plan.out, preference.get(), count, results.data(), &found);
  if (status == CUBLAS_STATUS_SUCCESS && found == 0) status = CUBLAS_STATUS_NOT_SUPPORTED;
  if (status != CUBLAS_STATUS_SUCCESS) {
    check_blas(status, "cuBLASLt has no algorithm for " + text_of(product));
  }
  std::vector<ProductPlan> plans;
  for (int i = 0; i < found; ++i) {
    const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
    if (result.state != CUBLAS_STATUS_SUCCESS) continue;
    plan.algorithm = result.algo;
    plans.push_back(plan);
  }
  if (plans.empty()) check_blas(results.front().state, "no algorithm for " + text_of(product));
  return plans;
}

void CublasProducts::run(const ProductPlan& plan, const Product& product) const {
  const float one = 1.0F;
  const float factor_of_added = product.add != nullptr ? 1.0F : 0.0F;
  const void* added = product.add != nullptr ? product.add : product.out;
  // The library takes pointers to descriptions that it does not change.
  auto* operation = const_cast<cublasLtMatmulDescOpaque_t*>(&plan.operation);
  auto* left = const_cast<cublasLtMatrixLayoutOpaque_t*>(&plan.left);
  auto* right = const_cast<cublasLtMatrixLayoutOpaque_t*>(&plan.right);
  auto* out = const_cast<cublasLtMatrixLayoutOpaque_t*>(&plan.out);
  const cublasStatus_t status =
      cublasLtMatmul(handle_, operation, &one, product.right.data, right, product.left.data, left,
                     &factor_of_added, added, out, product.out, out, &plan.algorithm, workspace_,
                     workspace_bytes_, stream_);
  if (status != CUBLAS_STATUS_SUCCESS) check_blas(status, "multiplying " + text_of(product));
}

}  // namespace hsconas::cuda
