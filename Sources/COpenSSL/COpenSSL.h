// OpenSSL, and functions in place of those of its macros that Swift can't call.

#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline void copenssl_set_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_mode(context, mode);
}

static inline void copenssl_turn_off_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int copenssl_set_versions(SSL_CTX *context, int least, int most) {
  return SSL_CTX_set_min_proto_version(context, least) &&
         SSL_CTX_set_max_proto_version(context, most);
}

static inline int copenssl_follow_versions(SSL *session, SSL_CTX *context) {
  return SSL_set_min_proto_version(session, (int)SSL_CTX_get_min_proto_version(context)) &&
         SSL_set_max_proto_version(session, (int)SSL_CTX_get_max_proto_version(context));
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *names) {
  return (int)SSL_CTX_set1_groups_list(context, names);
}

static inline int copenssl_set_session_groups(SSL *session, const char *names) {
  return (int)SSL_set1_groups_list(session, names);
}

static inline int copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void copenssl_set_server_name_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
}

static inline void copenssl_set_status_callback(
    SSL_CTX *context, int (*callback)(SSL *, void *), void *argument) {
  SSL_CTX_set_tlsext_status_cb(context, callback);
  SSL_CTX_set_tlsext_status_arg(context, argument);
}

// Takes over `response`, which OPENSSL_malloc has made.
static inline void copenssl_staple(SSL *session, unsigned char *response, long count) {
  SSL_set_tlsext_status_ocsp_resp(session, response, count);
}

// True when the bytes are an OCSP response and nothing else.
static inline int copenssl_is_ocsp_response(const unsigned char *bytes, size_t count) {
  const unsigned char *end = bytes;
  OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &end, (long)count);
  OCSP_RESPONSE_free(response);
  return response != NULL && end == bytes + count;
}

static inline int copenssl_set_server_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}

static inline void *copenssl_duplicate(const void *bytes, size_t count) {
  return OPENSSL_memdup(bytes, count);
}

static inline void copenssl_free(void *memory) { OPENSSL_free(memory); }

static inline X509_NAME *copenssl_name(const STACK_OF(X509_NAME) *names, int index) {
  return sk_X509_NAME_value(names, index);
}

static inline int copenssl_name_count(const STACK_OF(X509_NAME) *names) {
  return sk_X509_NAME_num(names);
}

static inline long copenssl_memory(BIO *bio, char **bytes) {
  return BIO_get_mem_data(bio, bytes);
}

// A session's own word; 0 until it is set.
static inline long copenssl_word(const SSL *session) { return (long)SSL_get_app_data(session); }

static inline void copenssl_set_word(SSL *session, long word) {
  SSL_set_app_data(session, (void *)word);
}

// Gives a key another type, which frees and wipes what it holds.
static inline void copenssl_empty_key(EVP_PKEY *key) {
  EVP_PKEY_set_type(key, EVP_PKEY_X25519);
  EVP_PKEY_free(key);
}

// Wipes the keys by which both sides have agreed on their secrets.
static inline void copenssl_forget_exchange_keys(SSL *session) {
  EVP_PKEY *key = NULL;
  if (SSL_get_tmp_key(session, &key)) copenssl_empty_key(key);
  if (SSL_get_peer_tmp_key(session, &key)) copenssl_empty_key(key);
}

static inline void copenssl_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline void copenssl_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void copenssl_retry_write(BIO *bio) { BIO_set_retry_write(bio); }

// As RFC 2253 writes names, with UTF-8 left as it is.
static inline int copenssl_print_name(BIO *target, const X509_NAME *name) {
  return X509_NAME_print_ex(target, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

// The same in OpenSSL's old form, which nginx calls legacy.
static inline int copenssl_print_legacy_name(BIO *target, const X509_NAME *name) {
  char *text = X509_NAME_oneline(name, NULL, 0);
  int written = text == NULL ? -1 : BIO_puts(target, text);
  OPENSSL_free(text);
  return written;
}

static inline void copenssl_print_group(BIO *target, int group) {
  if (group & TLSEXT_nid_unknown)
    BIO_printf(target, "0x%04x", group & 0xffff);
  else
    BIO_puts(target, OBJ_nid2sn(group));
}

// The group that the keys were agreed on in; nothing before that.
static inline void copenssl_print_chosen_group(BIO *target, SSL *session) {
  int group = (int)SSL_get_negotiated_group(session);
  if (group != NID_undef) copenssl_print_group(target, group);
}

// The groups that the client offers, by name where OpenSSL has one.
static inline void copenssl_print_client_groups(BIO *target, SSL *session) {
  int count = SSL_get1_groups(session, NULL);
  if (count <= 0) return;
  int *groups = (int *)OPENSSL_malloc((size_t)count * sizeof(int));
  if (groups == NULL) return;
  count = SSL_get1_groups(session, groups);
  for (int i = 0; i < count; i++) {
    if (i > 0) BIO_puts(target, ":");
    copenssl_print_group(target, groups[i]);
  }
  OPENSSL_free(groups);
}

// The ciphers that the client offers, by name where OpenSSL has one.
static inline void copenssl_print_client_ciphers(BIO *target, SSL *session) {
  unsigned char *ciphers = NULL;
  size_t size = (size_t)SSL_get0_raw_cipherlist(session, NULL);
  // Bytes, not ciphers.
  size_t length = (size_t)SSL_get0_raw_cipherlist(session, &ciphers);
  if (ciphers == NULL || size == 0) return;
  for (size_t i = 0; i < length / size; i++) {
    const unsigned char *bytes = ciphers + i * size;
    const SSL_CIPHER *cipher = SSL_CIPHER_find(session, bytes);
    if (i > 0) BIO_puts(target, ":");
    if (cipher != NULL) {
      BIO_puts(target, SSL_CIPHER_get_name(cipher));
    } else {
      BIO_puts(target, "0x");
      for (size_t j = 0; j < size; j++) BIO_printf(target, "%02x", bytes[j]);
    }
  }
}

// Whole days that a certificate is still valid; 0 when that is over.
static inline int copenssl_remaining_days(const X509 *certificate) {
  int days = 0, seconds = 0;
  if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate))) return 0;
  return days > 0 ? days : 0;
}

static const uint64_t copenssl_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t copenssl_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t copenssl_no_ticket = SSL_OP_NO_TICKET;
static const uint64_t copenssl_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t copenssl_prioritize_chacha = SSL_OP_PRIORITIZE_CHACHA;
static const uint64_t copenssl_no_tls10 = SSL_OP_NO_TLSv1;
static const uint64_t copenssl_no_tls11 = SSL_OP_NO_TLSv1_1;
static const uint64_t copenssl_no_tls12 = SSL_OP_NO_TLSv1_2;
static const uint64_t copenssl_no_tls13 = SSL_OP_NO_TLSv1_3;

// Keys a code by HMAC with SHA-256. Parameters hold pointers to their names, which Swift's strings
// do not keep alive.
static inline int copenssl_key_code(EVP_MAC_CTX *context, const unsigned char *key, size_t count) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, count),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(context, parameters);
}
