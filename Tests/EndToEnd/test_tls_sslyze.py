"""What sslyze, which looks for known weaknesses of TLS servers, finds with the usual settings."""

import pytest
from sslyze import (
    ScanCommand, ScanCommandAttemptStatusEnum, Scanner, ServerNetworkConfiguration,
    ServerNetworkLocation, ServerScanRequest,
)  # fmt: skip

from harness.authority import Authority

SITE = 'server {{ listen PORT ssl; {pair} location / {{ return 200 "here"; }} }}'
COMMANDS = {
    ScanCommand.SSL_2_0_CIPHER_SUITES, ScanCommand.SSL_3_0_CIPHER_SUITES,
    ScanCommand.TLS_1_0_CIPHER_SUITES, ScanCommand.TLS_1_1_CIPHER_SUITES,
    ScanCommand.TLS_1_2_CIPHER_SUITES, ScanCommand.TLS_1_3_CIPHER_SUITES,
    ScanCommand.TLS_COMPRESSION, ScanCommand.TLS_FALLBACK_SCSV, ScanCommand.HEARTBLEED,
    ScanCommand.OPENSSL_CCS_INJECTION, ScanCommand.ROBOT, ScanCommand.SESSION_RENEGOTIATION,
    ScanCommand.SESSION_RESUMPTION, ScanCommand.TLS_1_3_EARLY_DATA,
    ScanCommand.ELLIPTIC_CURVES, ScanCommand.TLS_EXTENDED_MASTER_SECRET,
}  # fmt: skip


@pytest.fixture
def findings(site, tmp_path):
    """Each check's result by the name of the check."""
    pair = Authority(tmp_path).issue("localhost", "127.0.0.1")
    proxy = site.servers(SITE.format(pair=pair.conf))
    location = ServerNetworkLocation("localhost", proxy.port, ip_address="127.0.0.1")
    settings = ServerNetworkConfiguration("localhost", network_timeout=20)
    scanner = Scanner()
    scanner.queue_scans([ServerScanRequest(location, settings, COMMANDS)])
    [result] = scanner.get_results()
    assert result.scan_result, result.connectivity_error_trace
    attempts = {command: getattr(result.scan_result, command.value) for command in COMMANDS}
    for command, attempt in attempts.items():
        assert attempt.status == ScanCommandAttemptStatusEnum.COMPLETED, (command, attempt)
    return {command: attempt.result for command, attempt in attempts.items()}


def names(result):
    return {suite.cipher_suite.name for suite in result.accepted_cipher_suites}


def test_nothing_known_is_found(findings):
    for old in ("SSL_2_0", "SSL_3_0", "TLS_1_0", "TLS_1_1"):
        assert not names(findings[ScanCommand[f"{old}_CIPHER_SUITES"]]), old
    modern = names(findings[ScanCommand.TLS_1_2_CIPHER_SUITES])
    assert modern and all("_ECDHE_" in name for name in modern)
    assert all("GCM" in name or "CHACHA20" in name for name in modern)
    assert len(names(findings[ScanCommand.TLS_1_3_CIPHER_SUITES])) >= 3
    assert not findings[ScanCommand.TLS_COMPRESSION].supports_compression
    assert not findings[ScanCommand.HEARTBLEED].is_vulnerable_to_heartbleed
    assert not findings[ScanCommand.OPENSSL_CCS_INJECTION].is_vulnerable_to_ccs_injection
    assert findings[ScanCommand.ROBOT].robot_result.name.startswith("NOT_VULNERABLE")
    assert findings[ScanCommand.TLS_FALLBACK_SCSV].supports_fallback_scsv
    assert not findings[ScanCommand.TLS_1_3_EARLY_DATA].supports_early_data
    renegotiation = findings[ScanCommand.SESSION_RENEGOTIATION]
    assert renegotiation.supports_secure_renegotiation
    assert not renegotiation.is_vulnerable_to_client_renegotiation_dos
    assert findings[ScanCommand.TLS_EXTENDED_MASTER_SECRET].supports_ems_extension
    resumption = findings[ScanCommand.SESSION_RESUMPTION]
    assert resumption.tls_ticket_resumption_result.name == "FULLY_SUPPORTED"
    curves = findings[ScanCommand.ELLIPTIC_CURVES].supported_curves
    assert {"X25519", "secp256r1"} <= {curve.name for curve in curves}
